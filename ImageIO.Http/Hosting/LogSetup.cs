using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Filters;
using Serilog.Formatting;
using Serilog.Formatting.Compact;
using Serilog.Formatting.Display;

namespace ImageIO.Http.Hosting;

/// <summary>Sets logging up: one line for each event, to a file with rotation or to standard error.</summary>
public static class LogSetup
{
    // The columns of the reference's log, so that administrators' eyes and scripts find what they know.
    private const string Line =
        "{Timestamp:yyyy-MM-dd HH:mm:ss,fff} {LevelName,-7} ({ThreadId}) [{SourceContext}] {Message:lj}{NewLine}{Exception}";

    /// <summary>Replaces the host's logging; its level can be changed while it runs (<see cref="ReloadSignal"/>).</summary>
    /// <exception cref="ConfigurationException">The log file cannot be written.</exception>
    public static void UseLog(this ILoggingBuilder logging, LogSettings settings)
    {
        var level = new LoggingLevelSwitch(settings.Level);
        ITextFormatter formatter = settings.Json
            ? new CompactJsonFormatter()
            : new MessageTemplateTextFormatter(Line, System.Globalization.CultureInfo.InvariantCulture);
        LoggerConfiguration configuration = new LoggerConfiguration()
            .MinimumLevel.ControlledBy(level)
            // The server's own chatter about connections and requests; ours says the same with transfer ids.
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
            // The forwarder's tells URLs, and with them ticket ids; what it tells otherwise, our own lines do.
            .Filter.ByExcluding(Matching.FromSource("Yarp"))
            .Enrich.With<ReferenceColumns>()
            .Enrich.With<OneLine>();
        configuration = settings.File.Length == 0
            ? configuration.WriteTo.Console(formatter, standardErrorFromLevel: LogEventLevel.Verbose)
            : ToFile(configuration, formatter, settings);
        logging.Services.AddSingleton(level);
        logging.ClearProviders();
        logging.AddSerilog(configuration.CreateLogger(), dispose: true);
    }

    private static LoggerConfiguration ToFile(
        LoggerConfiguration configuration, ITextFormatter formatter, LogSettings settings)
    {
        try
        {
            // Opened once here, because the sink itself would fail in silence.
            using (new FileStream(settings.File, FileMode.Append, FileAccess.Write, FileShare.ReadWrite))
            {
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"Cannot write the log file {settings.File}: {e.Message}", e);
        }

        return configuration.WriteTo.File(
            formatter,
            settings.File,
            fileSizeLimitBytes: settings.MaxBytes > 0 ? settings.MaxBytes : null,
            rollOnFileSizeLimit: settings.MaxBytes > 0,
            retainedFileCountLimit: settings.BackupCount + 1);
    }

    // A transfer's id, a path, a client's words: whatever it holds, an event is one line, and nobody writes another one's.
    private sealed class OneLine : ILogEventEnricher
    {
        public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
        {
            foreach ((string name, LogEventPropertyValue value) in logEvent.Properties.Where(property => HasBreak(property.Value)).ToArray())
            {
                logEvent.AddOrUpdateProperty(new LogEventProperty(name, new ScalarValue(Escape((string)((ScalarValue)value).Value!))));
            }
        }

        private static bool HasBreak(LogEventPropertyValue value) => value is ScalarValue { Value: string text } && text.Any(IsBreak);

        private static string Escape(string text) =>
            string.Concat(text.Select(character => IsBreak(character) ? $"\\u{(int)character:x4}" : $"{character}"));

        private static bool IsBreak(char character) => char.IsControl(character) || character is '\u2028' or '\u2029';
    }

    private sealed class ReferenceColumns : ILogEventEnricher
    {
        public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
        {
            logEvent.AddPropertyIfAbsent(propertyFactory.CreateProperty("ThreadId", Environment.CurrentManagedThreadId));
            logEvent.AddPropertyIfAbsent(propertyFactory.CreateProperty("LevelName", logEvent.Level switch
            {
                LogEventLevel.Verbose or LogEventLevel.Debug => "DEBUG",
                LogEventLevel.Information => "INFO",
                LogEventLevel.Warning => "WARNING",
                _ => "ERROR",
            }));
        }
    }
}
