using ImageIO.Http.Heads;

namespace ImageIO.Http.Forwarding;

/// <summary>The part of a daemon's answer that the client gets.</summary>
/// <param name="Status">Status code.</param>
/// <param name="Length">Bytes of the body. Null: not known beforehand.</param>
/// <param name="ContentRange">The Content-Range field. Null: none.</param>
internal readonly record struct AnswerPart(int Status, long? Length, string? ContentRange)
{
    /// <summary>Most bytes of the body; what the daemon sends beyond is dropped.</summary>
    public long Limit { get; init; } = long.MaxValue;

    /// <summary>The whole answer.</summary>
    public static AnswerPart Whole(AnswerHead head) =>
        new(head.Status, head.Body.Length, head.Fields.First("Content-Range"));
}
