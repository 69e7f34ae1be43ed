using System.Text.Json.Nodes;

namespace ImageIO.Tests.Support;

/// <summary>
/// The real daemon as a process of its own, with the default configuration and real files, TLS and sockets in its
/// directory: started once for all classes of a collection, whose tests add their own tickets and images.
/// </summary>
public sealed class RunningDaemon : IAsyncLifetime
{
    /// <summary>
    /// The collection whose classes share it: what can be seen from outside, without other options or clocks.
    /// </summary>
    public const string Collection = "The running daemon";

    private DaemonProcess? _process;

    public HttpClient Remote => Process.Remote;

    public HttpClient Local => Process.Local;

    public HttpClient Control => Process.Control;

    public int RemotePort => new Uri(Process.RemoteUrl).Port;

    // The other format than that of most tests' daemons: what SecretsInLogs looks for must be in neither.
    internal DaemonFiles Files { get; } = new("[logger_root]\nformat = json\n");

    internal DaemonProcess Process => _process ?? throw new InvalidOperationException("Not started");

    public async Task InitializeAsync() => _process = await DaemonProcess.StartAsync(Files);

    public async Task DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Files.Dispose();
    }

    /// <summary>Installs a ticket through the control service.</summary>
    internal Task InstallAsync(JsonObject ticket) => Process.InstallAsync(ticket);

    /// <summary>Creates an image and installs a ticket of its size for it.</summary>
    internal Task<TestImage> AddImageAsync(byte[] content, params string[] ops) => Process.AddImageAsync(content, ops);

    /// <summary>The ticket as the control service shows it.</summary>
    internal Task<JsonObject> GetTicketAsync(string id) => Process.GetTicketAsync(id);

    /// <summary>Descriptors that the daemon has of a file.</summary>
    internal int OpenFilesOf(string path) => OpenFiles.Count(path, Process.Id);

    /// <summary>Waits until nothing is left of an image's connections: what they held is given back.</summary>
    internal async Task BecomesQuietAsync(TestImage image)
    {
        await Eventually.HoldsAsync(
            async () => await GetTicketAsync(image.Id) is var ticket
                && !ticket["active"]!.GetValue<bool>() && ticket["connections"]!.GetValue<int>() == 0,
            "no operation and no connection is left");
        await Eventually.HoldsAsync(() => OpenFilesOf(image.Path) == 0, "the image is closed");
    }
}
