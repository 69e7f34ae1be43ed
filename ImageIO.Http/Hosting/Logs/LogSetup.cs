using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Sets up logging: one line per event.</summary>
public static class LogSetup
{
    /// <summary>
    /// Replaces the host's logging. The level can change later (<see cref="ReloadSignal"/>). No file is written before
    /// <see cref="LogOutput.Open"/>.
    /// </summary>
    public static LogOutput UseLog(this ILoggingBuilder logging, LogSettings settings)
    {
        ArgumentNullException.ThrowIfNull(logging);
        ArgumentNullException.ThrowIfNull(settings);
        var level = new LoggingLevelSwitch(settings.Level);
        var output = new LogOutput(settings.Targets);
        Logger logger = new LoggerConfiguration()
            .MinimumLevel.ControlledBy(level)
            // The server's lines about connections and requests. Ours have transfer ids.
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
            // Off, because the server makes a scope and a span for each request if this logger is enabled.
            .MinimumLevel.Override("Microsoft.AspNetCore.Hosting.Diagnostics", LevelAlias.Off)
            .Enrich.With<ThreadNumber>()
            .WriteTo.Sink(output)
            .CreateLogger();
        logging.Services.AddSingleton(level);
        // The logger disposes it.
        logging.Services.AddSingleton(output);
        logging.ClearProviders();
        logging.AddSerilog(logger, dispose: true);
        return output;
    }

    private sealed class ThreadNumber : ILogEventEnricher
    {
        public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory) =>
            logEvent.AddPropertyIfAbsent(
                propertyFactory.CreateProperty("ThreadId", Environment.CurrentManagedThreadId));
    }
}
