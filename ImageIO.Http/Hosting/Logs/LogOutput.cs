using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Formatting.Compact;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>All targets of the log. Every event passes through here as a <see cref="SafeEvent"/>.</summary>
public sealed class LogOutput : ILogEventSink, IDisposable
{
    private readonly List<(LogEventLevel Least, ILogEventSink Sink)> _sinks = [];

    internal LogOutput(IEnumerable<LogTarget> targets)
    {
        foreach (LogTarget target in targets)
        {
            _sinks.Add(
                (target.Level, Create(target, target.IsJson ? new CompactJsonFormatter() : new LogLineFormatter())));
        }
    }

    /// <summary>
    /// Opens the files and writes the events logged so far. A daemon that root starts calls it after it has become an
    /// ordinary user, so that no log file belongs to root, and no link can mislead root.
    /// </summary>
    /// <exception cref="ConfigurationException">A file cannot be written.</exception>
    public void Open()
    {
        foreach (LogFileSink file in _sinks.Select(target => target.Sink).OfType<LogFileSink>())
        {
            file.Open();
        }

        foreach (SyslogSink syslog in _sinks.Select(target => target.Sink).OfType<SyslogSink>())
        {
            syslog.Open();
        }
    }

    /// <inheritdoc />
    public void Emit(LogEvent logEvent)
    {
        ArgumentNullException.ThrowIfNull(logEvent);
        LogEvent safe = SafeEvent.Of(logEvent);
        foreach ((LogEventLevel least, ILogEventSink sink) in _sinks)
        {
            if (logEvent.Level >= least)
            {
                sink.Emit(safe);
            }
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (IDisposable sink in _sinks.Select(target => target.Sink).OfType<IDisposable>())
        {
            sink.Dispose();
        }
    }

    private static ILogEventSink Create(LogTarget target, ITextFormatter formatter) => target switch
    {
        LogFileTarget file => new LogFileSink(file, formatter),
        LogSyslogTarget syslog => new SyslogSink(syslog, formatter),
        LogStreamTarget { IsStandardOutput: true } => new LogStreamSink(Console.OpenStandardOutput(), formatter),
        LogStreamTarget => new LogStreamSink(Console.OpenStandardError(), formatter),
        _ => throw new ArgumentException($"Nothing writes to a {target.GetType().Name}", nameof(target)),
    };
}
