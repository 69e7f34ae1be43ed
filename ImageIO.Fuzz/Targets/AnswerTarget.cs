using ImageIO.Core.Errors;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Heads;
using ImageIO.Http.Messages;

namespace ImageIO.Fuzz.Targets;

/// <summary>The head of a daemon's answer: a compromised daemon must not reach the proxy's other clients.</summary>
internal static class AnswerTarget
{
    private static readonly ImageView[] Views =
        [new(1000, null), new(1000, RangeHeader.Parse("bytes=0-99")), new(1000, RangeHeader.Parse("bytes=40-"))];

    public static void Run(byte[] input)
    {
        AnswerHead head;
        try
        {
            head = AnswerHead.Parse(input);
        }
        catch (FormatException)
        {
            return;
        }

        FuzzTarget.MustHold(head.Status is >= 100 and <= 599, "a status has three digits and a class");
        FuzzTarget.MustHold(!(head.Body.IsChunked && head.Body.Length is not null), "a body has one length");
        FuzzTarget.MustHold(head.Body.Length is null or >= 0, "no length is negative");
        FuzzTarget.MustHold(
            head.Fields.First("Content-Type")?.AsSpan().IndexOfAnyInRange('\0', '\u0008') is null or < 0,
            "a field is text");
        FuzzTarget.MustHold(
            head.Fields.First("Content-Type")?.AsSpan().ContainsAny('\r', '\n') != true, "a field is one line");
        foreach (ImageView view in Views)
        {
            LookThrough(view, head);
        }
    }

    // Whatever the daemon says, the client must get no byte beyond its ticket.
    private static void LookThrough(ImageView view, AnswerHead head)
    {
        AnswerPart part;
        try
        {
            part = view.Of(head);
        }
        catch (Exception e)
            when (e is FormatException or TransferException { Error: TransferError.RangeNotSatisfiable })
        {
            return;
        }

        if (part.Status is 200 or 206)
        {
            long first = (long)(view.Range?.First ?? 0);
            FuzzTarget.MustHold(
                part.Limit >= 0 && first + part.Limit <= (long)view.Size, "the ticket ends what is shown");
            FuzzTarget.MustHold(
                part.Length is null || part.Length == part.Limit, "the body has the length that is told");
            FuzzTarget.MustHold((part.Status == 206) == (part.ContentRange is not null), "a part says which it is");
            FuzzTarget.MustHold(
                part.ContentRange is null
                    || part.ContentRange.EndsWith("/1000", StringComparison.Ordinal), "the size is the ticket's");
        }
    }
}
