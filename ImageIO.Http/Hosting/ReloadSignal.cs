using System.Runtime.InteropServices;
using ImageIO.Http.Hosting.Logs;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Serilog.Core;

namespace ImageIO.Http.Hosting;

/// <summary>On SIGHUP, reads the log level again and checks the certificates for changes.</summary>
/// <param name="readLog">Reads the logging part of the configuration.</param>
/// <param name="refresh">Refreshes everything else.</param>
/// <param name="level">The level in use.</param>
/// <param name="logger">Receives the result.</param>
public sealed partial class ReloadSignal(
    Func<LogSettings> readLog,
    Action refresh, LoggingLevelSwitch level, ILogger<ReloadSignal> logger) : IHostedService, IDisposable
{
    private PosixSignalRegistration? _registration;

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _registration = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            Reload();
        });
        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public void Dispose() => _registration?.Dispose();

    private void Reload()
    {
        try
        {
            level.MinimumLevel = readLog().Level;
            refresh();
            Log.Reloaded(logger, level.MinimumLevel.ToString());
        }
        catch (ConfigurationException e)
        {
            Log.Refused(logger, e.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(50, LogLevel.Information, "SIGHUP: log level is {Level}, certificates were looked at")]
        public static partial void Reloaded(ILogger logger, string level);

        [LoggerMessage(51, LogLevel.Error, "SIGHUP: the configuration cannot be read, nothing was changed: {Error}")]
        public static partial void Refused(ILogger logger, string error);
    }
}
