using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Tickets;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Http.Listeners;
using ImageIO.Transport.Blocks;
using ImageIO.Web.Hosting;
using ImageIO.Web.Options;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ImageIO.Tests.Support;

/// <summary>
/// The real daemon in the test process: real files, TLS and sockets in a directory of its own, with its inner state in
/// reach. As a class fixture it has the default configuration; tests add their own tickets and images.
/// </summary>
public sealed class DaemonFixture : IAsyncLifetime, IAsyncDisposable
{
    private readonly TimeProvider _time;
    private WebApplication? _app;

    public DaemonFixture()
        : this("", TimeProvider.System)
    {
    }

    private DaemonFixture(string options, TimeProvider time)
    {
        _time = time;
        Files = new DaemonFiles(options);
    }

    public HttpClient Remote { get; private set; } = null!;

    public HttpClient Local { get; private set; } = null!;

    public HttpClient Control { get; private set; } = null!;

    public int RemotePort { get; private set; }

    /// <summary>The control service's port, when its transport is TCP.</summary>
    public int ControlPort => Listeners.PortOf(Services.Control);

    /// <summary>Port of <c>[monitor] address</c>.</summary>
    public int MonitorPort => Listeners.PortOf(Services.Monitor);

    /// <summary>Where the services listen, in one line.</summary>
    public string Urls => Listeners.Urls;

    internal DaemonFiles Files { get; }

    internal TicketStore Tickets => App.Services.GetRequiredService<TicketStore>();

    internal ImageOpener Images => App.Services.GetRequiredService<ImageOpener>();

    internal BufferPool Pool => App.Services.GetRequiredService<BufferPool>();

    internal ConnectionWatch Connections => App.Services.GetRequiredService<ConnectionWatch>();

    /// <summary>The HTTP server's limits, which it looks at with each request.</summary>
    internal KestrelServerLimits ServerLimits =>
        App.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;

    internal BlockPoolFactory Blocks => (BlockPoolFactory)App.Services.GetRequiredService<IMemoryPoolFactory<byte>>();

    internal bool IsTlsReloadFailing =>
        Listeners.All.Any(listener => listener.Tls is { IsReloadFailing: true });

    private BoundListeners Listeners => App.Services.GetRequiredService<BoundListeners>();

    private WebApplication App => _app ?? throw new InvalidOperationException("Not started");

    /// <param name="options">Options that differ, in INI form.</param>
    /// <param name="time">The clock. Null: the system's.</param>
    public static async Task<DaemonFixture> StartAsync(string options = "", TimeProvider? time = null)
    {
        var daemon = new DaemonFixture(options, time ?? TimeProvider.System);
        try
        {
            await daemon.InitializeAsync();
            return daemon;
        }
        catch
        {
            daemon.Files.Dispose();
            throw;
        }
    }

    public async Task InitializeAsync()
    {
        // Not by the directory, which would bring in the drop-ins of a daemon installed on this machine.
        var configuration = DaemonConfiguration.Read(
            Directory.GetFiles(Path.Combine(Files.Path, "conf.d"))
                .Order(StringComparer.Ordinal)
                .SelectMany(IniFile.Read));
        // Both formats: each must keep the secrets.
        _app = await DaemonHost.BuildAsync(
            configuration with
            {
                Log = configuration.Log with
                {
                    Targets = [.. configuration.Log.Targets, new LogFileTarget(Files.JsonLogFile) { IsJson = true }],
                },
            },
            _time);
        await _app.StartAsync();
        RemotePort = Listeners.PortOf(Services.Remote);
        Remote = DaemonClients.OverTls(RemotePort, Files.Certificate);
        Local = DaemonClients.OverUnixSocket(
            configuration.Local.Socket.Replace("\\0", "\0", StringComparison.Ordinal));
        Control = DaemonClients.OverUnixSocket(Files.ControlSocket);
    }

    async Task IAsyncLifetime.DisposeAsync() => await DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        Remote?.Dispose();
        Local?.Dispose();
        Control?.Dispose();
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        using (Files)
        {
            Files.AssertNoSecretIsLogged();
        }
    }

    /// <summary>Installs a ticket through the control service.</summary>
    internal async Task InstallAsync(JsonObject ticket)
    {
        using HttpResponseMessage response = await Control.PutAsync(
            $"/tickets/{ticket["uuid"]}", new StringContent(ticket.ToJsonString()));
        Assert.True(response.StatusCode == HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Creates an image and installs a ticket of its size for it.</summary>
    internal async Task<TestImage> AddImageAsync(byte[] content, params string[] ops)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), Files.CreateImage(content));
        await InstallAsync(TicketBody.For(image.Id, image.Path, content.Length, ops));
        return image;
    }

    /// <summary>The ticket as the control service shows it.</summary>
    internal async Task<JsonObject> GetTicketAsync(string id) =>
        JsonNode.Parse(await Control.GetStringAsync($"/tickets/{id}"))!.AsObject();

    /// <summary>Waits until nothing is left of the connections to remote and local service: what they held is given
    /// back.</summary>
    internal async Task BecomesQuietAsync(TestImage image)
    {
        await Eventually.HoldsAsync(
            () => Tickets.All.All(ticket => ticket is { IsActive: false, Connections: 0 }),
            "no operation and no connection is left");
        await Eventually.HoldsAsync(() => Pool.RentedBytes + Pool.SmallBytes == 0, "all buffers are given back");
        await Eventually.HoldsAsync(() => OpenFiles.Count(image.Path) == 0, "the image is closed");
    }
}
