using ImageIO.Core.Errors;
using ImageIO.Http.Heads;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>One client's request on its way to a daemon, and the answer on its way back.</summary>
/// <remarks>
/// <code>
///   client                              daemon
///             1. connect ─────────────────▶
///             2. head ────────────────────▶
///      ─────▶ 3. body ────────────────────▶    while the answer is awaited: it may come at any moment
///     ◀────── 4. head ◀────────────────────
///     ◀────── 5. body ◀────────────────────
///             6. give the connection back, or close it in the middle of a message
/// </code>
/// </remarks>
internal sealed class Exchange(HttpContext context, ForwardRequest request, RequestHead head, UpstreamPool pool)
{
    /// <summary>Runs the exchange to its end.</summary>
    /// <exception cref="TransferException">The failure names the side and the direction.</exception>
    /// <exception cref="BadHttpRequestException">The client's body is malformed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // 1. Connect, or reuse an idle connection.
        UpstreamConnection daemon = await pool.RentAsync(request.Upstream, cancellationToken);
        Upload? upload = null;
        bool isKeepable = false;
        try
        {
            // 2. Send the head, together with a body that was read already.
            await daemon.WriteHeadAsync(
                request.Body is { } body ? (byte[])[.. head.Bytes.Span, .. body.Span] : head.Bytes, cancellationToken);

            // 3. Send the client's body, and receive the answer's head.
            upload = head.HasBody ? new Upload(context, request, daemon) : null;
            AnswerHead answer = upload is null
                ? await daemon.ReadAnswerAsync(isOwed: !request.MayAnswerLate, cancellationToken)
                : await UploadAsync(daemon, upload, cancellationToken);

            // 4. Pass the answer's head on.
            var download = new Download(context, request, daemon, answer);
            download.PassHead();

            // 5. Pass the answer's body on.
            await download.PassBodyAsync(cancellationToken);
            isKeepable = upload is not { IsComplete: false } && download.IsComplete && !answer.ClosesConnection;
        }
        finally
        {
            // 6. Close a connection that is in the middle of a message, which also cancels the daemon's work.
            pool.Return(daemon, isKeepable);
            await (upload?.StopAsync() ?? ValueTask.CompletedTask);
        }
    }

    // If the client waits for permission, the daemon's comes first. The answer may come before the end of the body, and
    // it counts.
    private async ValueTask<AnswerHead> UploadAsync(
        UpstreamConnection daemon, Upload upload, CancellationToken cancellationToken)
    {
        if (head.ExpectsContinue)
        {
            AnswerHead first = await daemon.ReadAnswerAsync(isOwed: true, cancellationToken, orContinue: true);
            if (first.Status != AnswerHead.Continue)
            {
                return first;
            }
        }

        Task<AnswerHead> answer = daemon.ReadAnswerAsync(isOwed: false, cancellationToken).AsTask();
        Task sending = upload.Start(cancellationToken);
        await Task.WhenAny(sending, answer);
        if (sending.IsCompleted && !sending.IsCompletedSuccessfully && !daemon.HasWriteFailed)
        {
            // The client's body broke off. Close, so that the daemon does not take the part for the whole.
            daemon.Dispose();
        }

        await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!answer.IsCompletedSuccessfully && sending.IsFaulted)
        {
            // Both directions failed. The upload's failure came first.
            await sending;
        }

        return await answer;
    }
}
