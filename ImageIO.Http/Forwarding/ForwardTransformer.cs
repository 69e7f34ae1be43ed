using ImageIO.Core.Errors;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace ImageIO.Http.Forwarding;

/// <summary>What of a request and an answer crosses over: only what is named here, for nothing calls the base class.</summary>
internal sealed class ForwardTransformer(Exchange exchange) : HttpTransformer
{
    private const string NoCache = "no-cache, no-store";

    private static readonly string[] Answered =
        ["Content-Type", "Content-Range", "Content-Disposition", "Content-Digest", "Accept-Ranges", "Allow"];

    /// <inheritdoc />
    public override ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        // The head that goes out is the exchange's; this one is for YARP, which wants a URI.
        proxyRequest.RequestUri = new Uri(
            destinationPrefix + exchange.Request.PathAndQuery,
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        proxyRequest.Options.Set(Exchange.Key, exchange);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public override async ValueTask<bool> TransformResponseAsync(
        HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (proxyResponse is null || exchange.Head is not { } head)
        {
            return false;
        }

        HttpResponse response = httpContext.Response;
        foreach (string name in Answered)
        {
            if (head.Field(name) is { } value)
            {
                response.Headers[name] = value;
            }
        }

        response.Headers.CacheControl = NoCache;
        response.Headers.Allow = exchange.Request.AllowedMethods ?? response.Headers.Allow;
        if (head.ClosesConnection || RequestBody.MayBeUnread(httpContext))
        {
            // As the daemon's answer would be without us in between: also the client's body may still be on its way.
            response.Headers.Connection = "close";
        }

        if (exchange.Request.RewriteAnswer is { } rewrite && head.Status == StatusCodes.Status200OK)
        {
            ReadOnlyMemory<byte> body = rewrite(await ReadAllAsync(proxyResponse, cancellationToken));
            response.ContentLength = body.Length;
            await response.Body.WriteAsync(body, cancellationToken);
            return false;
        }

        response.ContentLength = head.ContentLength is { } length ? Math.Min(length, exchange.AnswerLimit) : null;
        if (exchange.Request.ImageLimit is { } size && response.StatusCode == StatusCodes.Status206PartialContent)
        {
            long first = exchange.FirstByte;
            response.Headers.ContentRange = FormattableString.Invariant($"bytes {first}-{first + response.ContentLength - 1}/{size}");
        }

        return true;
    }

    /// <inheritdoc />
    public override ValueTask TransformResponseTrailersAsync(
        HttpContext httpContext, HttpResponseMessage proxyResponse, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    private async ValueTask<ReadOnlyMemory<byte>> ReadAllAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var bytes = new MemoryStream();
        byte[] part = new byte[16 * 1024];
        int read;
        while ((read = await body.ReadAsync(part, cancellationToken)) > 0)
        {
            bytes.Write(part, 0, read);
            if (bytes.Length > RequestBody.LargestMessage)
            {
                throw new TransferException(
                    TransferError.UpstreamFailed, $"{exchange.Request.Upstream.Origin} sent an answer of more than {RequestBody.LargestMessage} bytes");
            }
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }
}
