using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using ImageIO.Http.Heads;
using ImageIO.Http.Listeners;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// The requests of a connection, whose Host fields are completed or overwritten before the server. The first byte sets
/// the lengths of the pieces. A strict reader must find the same requests before and after, with all other bytes
/// unchanged.
/// </summary>
internal static class AnyHostTarget
{
    private static readonly byte[] HeadEnd = "\r\n\r\n"u8.ToArray();

    public static void Run(byte[] input)
    {
        if (input.Length < 1)
        {
            return;
        }

        // Two copies, because a Host field is overwritten in place.
        List<string> before = Read(Open(input));
        List<string> after = Read(new AnyHostReader(Open(input)));
        FuzzTarget.MustHold(before.Count <= after.Count, "no request is lost");
        for (int i = 0; i < before.Count; i++)
        {
            FuzzTarget.MustHold(before[i] == after[i], "a request differs in its Host field only");
        }
    }

    private static PipeReader Open(byte[] input) =>
        PipeReader.Create(new PiecewiseStream(input[1..], input[0]), new StreamPipeReaderOptions(bufferSize: 128));

    // Each as its head, without Host fields, and its body. Ends where a server would end the connection.
    private static List<string> Read(PipeReader connection)
    {
        var requests = new List<string>();
        try
        {
            while (TakeTo(connection, HeadEnd) is { } head)
            {
                int lineEnd = head.IndexOf("\r\n", StringComparison.Ordinal);
                var fields = HeadFields.Parse(lineEnd < 0 ? "" : head[(lineEnd + 2)..]);
                BodyFraming framing = BodyFraming.Of(fields, isHttp11: true) ?? BodyFraming.None;
                string body = framing.IsChunked ? TakeChunks(connection) : Take(connection, framing.Length!.Value);
                IEnumerable<string> others = head.Split("\r\n")
                    .Where(line => !line.StartsWith("host:", StringComparison.OrdinalIgnoreCase));
                requests.Add($"{string.Join('\n', others)}\n\n{body}");
            }
        }
        catch (FormatException)
        {
            // No server serves it, or it is incomplete.
        }

        return requests;
    }

    private static string TakeChunks(PipeReader connection)
    {
        var body = new StringBuilder();
        while (true)
        {
            string line = TakeTo(connection, "\r\n"u8.ToArray()) ?? throw new FormatException();
            long length = ChunkLine.Parse(Encoding.Latin1.GetBytes(line));
            body.Append(line).Append('\n');
            if (length == 0)
            {
                break;
            }

            body.Append(Take(connection, length));
            if (Take(connection, 2) != "\r\n")
            {
                throw new FormatException();
            }
        }

        string trailer;
        do
        {
            trailer = TakeTo(connection, "\r\n"u8.ToArray()) ?? throw new FormatException();
            _ = HeadFields.Parse(trailer);
        }
        while (trailer.Length > 0);
        return body.ToString();
    }

    // The text before an end marker. Null: the connection ends before.
    private static string? TakeTo(PipeReader connection, byte[] end)
    {
        long seen = -1;
        while (true)
        {
            ReadResult read = Next(connection);
            byte[] bytes = read.Buffer.ToArray();
            int found = bytes.AsSpan().IndexOf(end);
            if (found >= 0)
            {
                connection.AdvanceTo(read.Buffer.GetPosition(found + end.Length));
                return Encoding.Latin1.GetString(bytes, 0, found);
            }

            connection.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted || bytes.Length == seen)
            {
                // A completed head is returned again until it is taken. This reader leaves out heads without our line
                // ends.
                return null;
            }

            seen = bytes.Length;
        }
    }

    private static string Take(PipeReader connection, long length)
    {
        var text = new StringBuilder();
        while (text.Length < length)
        {
            ReadResult read = Next(connection);
            ReadOnlySequence<byte> part = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, length - text.Length));
            text.Append(Encoding.Latin1.GetString(part));
            connection.AdvanceTo(part.End);
            if (read.IsCompleted && part.IsEmpty)
            {
                throw new FormatException();
            }
        }

        return text.ToString();
    }

    // The stream always completes at once.
    private static ReadResult Next(PipeReader connection) => connection.ReadAsync().AsTask().GetAwaiter().GetResult();
}
