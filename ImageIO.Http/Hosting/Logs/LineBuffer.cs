using System.Globalization;
using System.Text;
using Serilog.Events;
using Serilog.Formatting;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>One event as bytes. Reused for each event, by one thread at a time.</summary>
internal sealed class LineBuffer(ITextFormatter formatter) : IDisposable
{
    // The memory of a longer line is given back.
    private const int LargestKept = 16 * 1024;

    private readonly StringWriter _text = new(new StringBuilder(), CultureInfo.InvariantCulture);
    private byte[] _bytes = [];

    public ReadOnlySpan<byte> Format(LogEvent logEvent)
    {
        StringBuilder text = _text.GetStringBuilder();
        text.Clear();
        formatter.Format(logEvent, _text);
        int most = Encoding.UTF8.GetMaxByteCount(text.Length);
        byte[] bytes = most <= _bytes.Length ? _bytes : new byte[most];
        int length = 0;
        foreach (ReadOnlyMemory<char> chunk in text.GetChunks())
        {
            length += Encoding.UTF8.GetBytes(chunk.Span, bytes.AsSpan(length));
        }

        if (most <= LargestKept)
        {
            _bytes = bytes;
        }

        return bytes.AsSpan(0, length);
    }

    public void Dispose() => _text.Dispose();
}
