using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Http.Forwarding;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// The head that the proxy sends to a daemon for a client's. The first line of the input is the target, the others are
/// values of forwarded fields. The daemon must get one head, without a line that the client made up.
/// </summary>
internal static class RequestTarget
{
    private static readonly string[] Names = ["Range",
        "Content-Range", "Content-Type", "Content-Digest", "Via", "Expect"];

    public static void Run(byte[] input)
    {
        // As the server decodes it.
        string[] parts = Encoding.Latin1.GetString(input).Split('\n');
        var context = new DefaultHttpContext();
        context.Request.Method = "PUT";
        context.Request.ContentLength = 5;
        for (int i = 1; i < parts.Length && i <= Names.Length; i++)
        {
            context.Request.Headers.Append(Names[i - 1], parts[i]);
        }

        var target = new ForwardRequest
        {
            Upstream = UpstreamUrl.Parse("https://host:54322")!,
            PathAndQuery = parts[0],
        };
        FuzzTarget.MayRefuse(
            () => Check(new RequestHead(
                context.Request, target, new ForwarderMark().Append(context.Request.Headers.Via), default)),
            TransferError.InvalidRequest, TransferError.ForwardingLoop);
    }

    private static void Check(RequestHead head)
    {
        string text = Encoding.Latin1.GetString(head.Bytes.Span);
        string[] lines = text.Split("\r\n");
        FuzzTarget.MustHold(lines is [.., "", ""], "the head ends with an empty line");
        FuzzTarget.MustHold(
            lines[0].Split(' ') is ["PUT", { Length: > 0 }, "HTTP/1.1"], "the first line has three words");
        FuzzTarget.MustHold(
            lines.All(line => line.AsSpan().IndexOfAny('\r', '\n', '\0') < 0), "a line ends in one way");
        FuzzTarget.MustHold(lines.Count(line => line.Length == 0) == 2, "no empty line is in the middle");
        string[] names = [.. lines[1..^2].Select(line => line.Split(':')[0])];
        FuzzTarget.MustHold(names.Count(name => name == "Content-Length") == 1, "the body has one length");
        FuzzTarget.MustHold(
            names.All(name => name is "Host" or "Via" or "Content-Length" or "Expect" || Names.Contains(name)),
            "no field is the client's own");
    }
}
