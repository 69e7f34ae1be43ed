namespace ImageIO.Tests.Support;

/// <summary>
/// The real daemon as a process whose control service is on TCP, as in front of hosts; a class fixture.
/// </summary>
public sealed class TcpControlDaemon : IAsyncLifetime
{
    private readonly DaemonFiles _files = new("[control]\ntransport = tcp\nport = 0\n");
    private DaemonProcess? _process;

    /// <summary>Where the control service listens.</summary>
    public Uri ControlUrl => _process?.ControlUrl ?? throw new InvalidOperationException("Not started");

    public async Task InitializeAsync() => _process = await DaemonProcess.StartAsync(_files);

    public async Task DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        _files.Dispose();
    }
}
