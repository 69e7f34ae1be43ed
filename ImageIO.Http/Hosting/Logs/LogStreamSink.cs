using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Writes events to standard error or standard output.</summary>
internal sealed class LogStreamSink(Stream stream, ITextFormatter formatter) : ILogEventSink, IDisposable
{
    private readonly Lock _lock = new();
    private readonly LineBuffer _line = new(formatter);

    public void Emit(LogEvent logEvent)
    {
        lock (_lock)
        {
            try
            {
                stream.Write(_line.Format(logEvent));
                stream.Flush();
            }
            catch (IOException)
            {
                // The reader of a pipe has closed it. Images are served all the same.
            }
        }
    }

    public void Dispose() => _line.Dispose();
}
