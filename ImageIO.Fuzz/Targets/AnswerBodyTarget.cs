using System.Net.Sockets;
using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Heads;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// The body of a daemon's answer. The first byte sets the lengths of its pieces, the second how its end is found. The
/// result must equal that of an independent reader, and nothing behind the body may be read.
/// </summary>
internal static class AnswerBodyTarget
{
    private const string Origin = "https://host:54322";

    // Nothing is sent or received by it.
    private static readonly Socket Unused = new(SocketType.Stream, ProtocolType.Tcp);

    public static void Run(byte[] input)
    {
        if (input.Length < 2)
        {
            return;
        }

        byte[] bytes = input[2..];
        BodyFraming framing = (input[1] % 3) switch
        {
            0 => new BodyFraming(input[1], IsChunked: false),
            1 => BodyFraming.ToEnd,
            _ => new BodyFraming(null, IsChunked: true),
        };
        using var daemon = new UpstreamConnection(
            Origin, Unused, new PiecewiseStream(bytes, input[0]), TimeSpan.FromSeconds(1), TimeProvider.System);
        using var read = new MemoryStream();
        bool isWhole = true;
        FuzzTarget.MayRefuse(
            () =>
            {
                isWhole = false;
                Read(new AnswerBody(daemon, framing), read);
                isWhole = true;
            },
            TransferError.UpstreamFailed);
        if (isWhole)
        {
            FuzzTarget.MustHold(
                Expected(bytes, framing).AsSpan().SequenceEqual(read.ToArray()), "the body is read as it was meant");
        }
    }

    private static void Read(AnswerBody body, MemoryStream to)
    {
        byte[] buffer = new byte[100];
        while (true)
        {
            // The stream always completes at once.
            int read = body.ReadAsync(buffer).AsTask().GetAwaiter().GetResult();
            if (read == 0)
            {
                break;
            }

            to.Write(buffer, 0, read);
        }

        // Without TLS, a body up to the end of the connection may end anywhere.
        FuzzTarget.MustHold(body.IsAtEnd, "a body that gives no more has ended");
    }

    private static byte[] Expected(byte[] bytes, BodyFraming framing)
    {
        if (!framing.IsChunked)
        {
            return framing.Length is { } length ? bytes[..(int)length] : bytes;
        }

        using var body = new MemoryStream();
        string text = Encoding.Latin1.GetString(bytes);
        int position = 0;
        while (true)
        {
            int lineEnd = text.IndexOf("\r\n", position, StringComparison.Ordinal);
            long size = Convert.ToInt64(text[position..lineEnd].Split(';')[0].TrimEnd(' ', '\t'), 16);
            if (size == 0)
            {
                return body.ToArray();
            }

            body.Write(bytes, lineEnd + 2, (int)size);
            position = lineEnd + 2 + (int)size + 2;
        }
    }
}
