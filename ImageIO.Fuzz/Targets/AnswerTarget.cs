using ImageIO.Http.Forwarding;

namespace ImageIO.Fuzz.Targets;

/// <summary>The head of a daemon's answer: a daemon that was taken over must not reach the proxy's other clients.</summary>
internal static class AnswerTarget
{
    public static void Run(byte[] input)
    {
        if (ResponseHead.Parse(input) is { } head)
        {
            FuzzTarget.MustHold(head.Status is >= 0 and <= 999, "a status has three digits");
            FuzzTarget.MustHold(!(head.IsChunked && head.ContentLength is not null), "a body has one length");
            FuzzTarget.MustHold(head.ContentLength is null or >= 0, "no length is negative");
            FuzzTarget.MustHold(head.Field("Content-Type")?.Contains('\n') != true, "a header is one line");
        }
    }
}
