using System.Net;

namespace ImageIO.Http.Forwarding;

/// <summary>The HTTP/1.1 client below YARP: one request and its answer on a pooled connection, never twice.</summary>
/// <remarks>
/// Why not the platform's: it reads no answer before it has sent the whole request, so that a daemon's reason to stop an
/// upload (no space, ticket canceled) is lost; it sends small bodies after an answer of 4xx to <c>Expect: 100-continue</c>;
/// it sends requests again when a kept connection turns out closed; and it cannot tell who stands still.
/// </remarks>
internal sealed class UpstreamHandler : HttpMessageHandler
{
    private const int Continue = 100;

    /// <inheritdoc />
    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!request.Options.TryGetValue(Exchange.Key, out Exchange? exchange))
        {
            throw new InvalidOperationException("The request does not belong to an exchange.");
        }

        await exchange.ConnectAsync(cancellationToken);
        await exchange.Connection.WriteAsync(exchange.RequestHead.Bytes, cancellationToken);
        exchange.IsRequestComplete = !exchange.RequestHead.HasBody;
        ResponseHead head = exchange.IsRequestComplete
            ? await ReceiveAsync(exchange, isOwed: !exchange.Request.MayAnswerLate, cancellationToken)
            : await UploadAsync(exchange, request.Content!, cancellationToken);
        exchange.Head = head;
        var body = new DownloadStream(exchange, head, request.Method == HttpMethod.Head);
        return new HttpResponseMessage((HttpStatusCode)head.Status) { Content = new StreamContent(body) };
    }

    // The daemon's permission first, if the client waits for it; then the body goes up while the answer is awaited: it
    // may come at any moment.
    private static async Task<ResponseHead> UploadAsync(
        Exchange exchange, HttpContent body, CancellationToken cancellationToken)
    {
        UpstreamConnection connection = exchange.Connection;
        if (exchange.RequestHead.ExpectsContinue)
        {
            ResponseHead first = await ReceiveAsync(exchange, isOwed: true, cancellationToken, orContinue: true);
            if (first.Status != Continue)
            {
                return first;
            }
        }

        Task<ResponseHead> answer = ReceiveAsync(exchange, isOwed: false, cancellationToken);
        Task upload = SendBodyAsync(exchange, body, cancellationToken);
        await Task.WhenAny(upload, answer);
        if (upload.IsCompletedSuccessfully && exchange.IsRequestComplete)
        {
            return await answer;
        }

        if (!answer.IsCompleted && !connection.HasWriteFailed)
        {
            // The client broke off. So do we: the daemon must not take what came for all.
            connection.Dispose();
            await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await upload;
            throw new IOException("The client's body broke off");
        }

        // The daemon has answered, or takes no more; then it may have said why before it closed.
        exchange.Upload.Stop();
        await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!answer.IsCompletedSuccessfully)
        {
            connection.Dispose();
        }

        await upload.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return await answer;
    }

    private static async Task SendBodyAsync(Exchange exchange, HttpContent body, CancellationToken cancellationToken)
    {
        var stream = new UploadStream(exchange.Connection, exchange.RequestHead.IsChunked);
        await body.CopyToAsync(stream, null, cancellationToken);
        if (!exchange.Connection.HasWriteFailed)
        {
            await stream.FinishAsync(cancellationToken);
            exchange.IsRequestComplete = true;
        }
    }

    private static async Task<ResponseHead> ReceiveAsync(
        Exchange exchange, bool isOwed, CancellationToken cancellationToken, bool orContinue = false)
    {
        while (true)
        {
            ReadOnlyMemory<byte> bytes = await exchange.Connection.ReadLineAsync(isHead: true, isOwed, cancellationToken);
            ResponseHead head = ResponseHead.Parse(bytes.Span) ?? throw exchange.Connection.Malformed("its head");
            if (!head.IsInformational || (orContinue && head.Status == Continue))
            {
                return head.Status != (int)HttpStatusCode.SwitchingProtocols
                    ? head
                    : throw exchange.Connection.Malformed("another protocol");
            }
        }
    }
}
