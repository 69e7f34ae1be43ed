using ImageIO.Http.Heads;

namespace ImageIO.Http.Forwarding;

/// <summary>Asks a daemon for one byte of an image, which makes it tell how many bytes its ticket permits.</summary>
/// <param name="pool">The connections.</param>
/// <param name="url">The image.</param>
/// <param name="via">The forwarders that the request passed through, this one included.</param>
internal sealed class TicketProbe(UpstreamPool pool, UpstreamUrl url, string via)
{
    private const int Ok = 200;
    private const int Partial = 206;
    private const int RangeNotSatisfiable = 416;

    // An answer whose body is longer is not worth reading for its connection.
    private const int LargestBody = 64 * 1024;

    /// <summary>
    /// Asks for the permitted part of the image. Null: the daemon does not say, or refuses the request.
    /// </summary>
    /// <param name="position">The byte to ask for.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The size of the ticket, and whether the image has the byte.</returns>
    /// <exception cref="Core.Errors.TransferException">The daemon cannot be reached, or fails.</exception>
    public async Task<ProbedTicket?> AskAsync(long position, CancellationToken cancellationToken)
    {
        UpstreamConnection daemon = await pool.RentAsync(url, cancellationToken);
        bool isKeepable = false;
        try
        {
            var head = new HeadWriter("GET", url.Path);
            head.Field("Host", url.Authority);
            head.Field("Via", via);
            head.Field("Range", FormattableString.Invariant($"bytes={position}-{position}"));
            await daemon.WriteHeadAsync(head.End(), cancellationToken);
            AnswerHead answer = await daemon.ReadAnswerAsync(isOwed: true, cancellationToken);
            isKeepable = !answer.ClosesConnection
                && await SkipAsync(new AnswerBody(daemon, answer.Body), cancellationToken);
            return answer.Status switch
            {
                Partial when AnswerRange.Parse(answer.Fields.First("Content-Range")) is { } range =>
                    new ProbedTicket(range.Size, HasByte: true),
                RangeNotSatisfiable => new ProbedTicket(null, HasByte: false),
                // It ignores ranges, and gives all that it permits.
                Ok when answer.Body.Length is { } length => new ProbedTicket(length, HasByte: length > position),
                _ => null,
            };
        }
        finally
        {
            pool.Return(daemon, isKeepable);
        }
    }

    // Whether the body has passed.
    private static async ValueTask<bool> SkipAsync(AnswerBody body, CancellationToken cancellationToken)
    {
        byte[] part = new byte[4096];
        int skipped = 0;
        while (!body.IsAtEnd && skipped < LargestBody)
        {
            skipped += await body.ReadAsync(part, cancellationToken);
        }

        return body.IsAtEnd;
    }
}
