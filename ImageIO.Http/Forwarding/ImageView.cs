using System.Numerics;
using ImageIO.Core.Errors;
using ImageIO.Http.Heads;
using ImageIO.Http.Messages;

namespace ImageIO.Http.Forwarding;

/// <summary>The part of a daemon's image that a client may see, and the range of it that the client asks for.</summary>
/// <param name="Size">Bytes, by the client's ticket.</param>
/// <param name="Range">The client's range, within <paramref name="Size"/>. Null: the whole image.</param>
public sealed record ImageView(BigInteger Size, RangeHeader? Range)
{
    private const int Ok = 200;
    private const int Partial = 206;
    private const int RangeNotSatisfiable = 416;

    /// <summary>The failure of a request that relies on more bytes than the daemon's ticket permits.</summary>
    /// <param name="theirs">Bytes that the daemon's ticket permits.</param>
    /// <param name="ours">Bytes that the client's ticket permits.</param>
    public static TransferException TooSmall(long theirs, BigInteger ours) => new(
        TransferError.RangeNotSatisfiable,
        $"The host that serves the image permits {theirs} bytes of it, this ticket {ours}")
    {
        Limit = theirs,
    };

    /// <summary>
    /// The range to request, also for the whole image: the answer then tells the size of the daemon's ticket.
    /// </summary>
    internal string Asked => FormattableString.Invariant($"bytes={Range?.First ?? 0}-{Range?.Last}");

    // Whether the client relies on getting everything up to the end of its ticket or of the image.
    private bool IsToTheEnd => Range?.Last is null;

    private long First => WireInteger.Clamp(Range?.First ?? 0);

    private long Reachable => WireInteger.Clamp(Size);

    /// <summary>The part of an answer that the client gets.</summary>
    /// <exception cref="FormatException">It does not answer this range.</exception>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.RangeNotSatisfiable"/>: the daemon's ticket is smaller, so the image may continue
    /// behind it.
    /// </exception>
    internal AnswerPart Of(AnswerHead head) => head.Status switch
    {
        Partial => OfRange(head),
        Ok => OfWhole(head),
        // An empty image has no range.
        RangeNotSatisfiable when Range is null && head.Fields.First("Content-Range") is "bytes */0" =>
            new AnswerPart(Ok, 0, null) { Limit = 0 },
        _ => AnswerPart.Whole(head),
    };

    private AnswerPart OfRange(AnswerHead head)
    {
        AnswerRange range = AnswerRange.Parse(head.Fields.First("Content-Range"))
            ?? throw new FormatException("its Content-Range is no range");
        if (range.First != First || (Range?.Last is { } last && range.Last > last))
        {
            throw new FormatException("its Content-Range is not the range that was asked for");
        }

        if (head.Body.Length is { } length && length != range.Length)
        {
            throw new FormatException("its Content-Length and Content-Range differ");
        }

        if (IsToTheEnd && range.Size < Size)
        {
            throw TooSmall(range.Size.Value, Size);
        }

        long end = Math.Min(range.Last + 1, Reachable);
        return Range is null ? Visible(Ok, end, null) : Partially(end);
    }

    // A daemon may ignore a range (RFC 9110 section 14.2), which does no harm if the range is the whole image.
    private AnswerPart OfWhole(AnswerHead head)
    {
        long? end = head.Body.Length is { } length ? Math.Min(length, Reachable) : null;
        return Range is null ? Visible(Ok, end, null)
            : Range is { First.IsZero: true, Last: null } && end is > 0 ? Partially(end.Value)
            : throw new FormatException("it has not the range that was asked for");
    }

    private AnswerPart Partially(long end) =>
        Visible(Partial, end, FormattableString.Invariant($"bytes {First}-{end - 1}/{Size}"));

    private AnswerPart Visible(int status, long? end, string? contentRange) =>
        new(status, end - First, contentRange) { Limit = (end ?? Reachable) - First };
}
