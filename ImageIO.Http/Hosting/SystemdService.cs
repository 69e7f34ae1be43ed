using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;

namespace ImageIO.Http.Hosting;

/// <summary>
/// Reports the state of the service to systemd (sd_notify(3)): ready, stopping, a status line, and the watchdog. Does
/// nothing without <c>NOTIFY_SOCKET</c>.
/// </summary>
/// <param name="status">Returns the status line.</param>
/// <param name="time">The clock.</param>
public sealed class SystemdService(Func<string> status, TimeProvider time) : IHostedLifecycleService, IDisposable
{
    // Often enough for an administrator. systemd keeps only the last line.
    private static readonly TimeSpan StatusInterval = TimeSpan.FromSeconds(10);

    private readonly SystemdNotifier _systemd = new();
    private ITimer? _timer;

    /// <inheritdoc />
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        if (_systemd.IsEnabled)
        {
            Tell();
            Send(ServiceState.Ready);
            TimeSpan interval = WatchdogInterval() ?? StatusInterval;
            _timer = time.CreateTimer(_ => Tell(), null, interval, interval);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (_systemd.IsEnabled)
        {
            Send(ServiceState.Stopping);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Stops the reports, because the objects behind the status line are disposed next.</summary>
    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        if (_timer is { } timer)
        {
            await timer.DisposeAsync();
        }
    }

    /// <inheritdoc />
    public void Dispose() => _timer?.Dispose();

    // Half the time that systemd waits before it restarts the service (sd_watchdog_enabled(3)).
    private static TimeSpan? WatchdogInterval() =>
        long.TryParse(
            Environment.GetEnvironmentVariable("WATCHDOG_USEC"),
            NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds)
        && microseconds > 0
            ? TimeSpan.FromMicroseconds(microseconds / 2)
            : null;

    private void Tell()
    {
        Send(new ServiceState($"STATUS={status()}"));
        Send(new ServiceState("WATCHDOG=1"));
    }

    private void Send(ServiceState state)
    {
        try
        {
            _systemd.Notify(state);
        }
        catch (SocketException)
        {
            // No process listens at NOTIFY_SOCKET. Images are served all the same, and the next report tries again.
        }
    }
}
