using ImageIO.Http.Forwarding;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Http.Listeners;
using ImageIO.Proxy.Hosting;
using ImageIO.Proxy.Options;
using ImageIO.Proxy.SignedTickets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace ImageIO.Tests.Support;

/// <summary>
/// The real proxy in the test process, with a certificate authority and a signer of tickets of its own.
/// </summary>
public sealed class ProxyFixture : IAsyncLifetime, IAsyncDisposable
{
    private readonly TimeProvider _time;
    private WebApplication? _app;

    public ProxyFixture()
        : this("", TimeProvider.System)
    {
    }

    private ProxyFixture(string options, TimeProvider time)
    {
        _time = time;
        Files = new ProxyFiles(time);
        Files.WriteConfiguration(
            Files.ConfigurationFile, Files.LogFile, Files.MonitorSocket, $"log_level = DEBUG\n{options}");
    }

    public HttpClient Client { get; private set; } = null!;

    /// <summary>For the service with metrics and health.</summary>
    public HttpClient Monitor { get; private set; } = null!;

    public int Port { get; private set; }

    internal ProxyFiles Files { get; }

    internal TicketSigner Signer => Files.Signer;

    internal ProxyTicketStore Tickets => _app!.Services.GetRequiredService<ProxyTicketStore>();

    internal ConnectionWatch Connections => _app!.Services.GetRequiredService<ConnectionWatch>();

    internal UpstreamPool Upstreams => _app!.Services.GetRequiredService<UpstreamPool>();

    /// <param name="options">Options that differ, in INI form.</param>
    /// <param name="time">The clock. Null: the system's.</param>
    public static async Task<ProxyFixture> StartAsync(string options = "", TimeProvider? time = null)
    {
        var proxy = new ProxyFixture(options, time ?? TimeProvider.System);
        await proxy.InitializeAsync();
        return proxy;
    }

    public async Task InitializeAsync()
    {
        var configuration = ProxyConfiguration.Load(Files.ConfigurationFile);
        // Both formats: each must keep the secrets.
        _app = await ProxyHost.BuildAsync(
            configuration with
            {
                Log = configuration.Log with
                {
                    Targets = [.. configuration.Log.Targets, new LogFileTarget(Files.JsonLogFile) { IsJson = true }],
                },
            },
            _time);
        await _app.StartAsync();
        Port = _app.Services.GetRequiredService<BoundListeners>().PortOf("proxy");
        Client = DaemonClients.OverTls(Port, Files.Certificate);
        Monitor = DaemonClients.OverUnixSocket(Files.MonitorSocket);
    }

    async Task IAsyncLifetime.DisposeAsync() => await DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        Monitor?.Dispose();
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

    /// <summary>A connection of a client, byte for byte.</summary>
    internal Task<RawClient> ConnectAsync() => RawClient.ConnectTlsAsync(Port, Files.Certificate);

    /// <summary>Lets the proxy believe a daemon with this certificate.</summary>
    internal void Trust(TestCertificate certificate) => Files.Trust(certificate);

    /// <summary>A signed ticket for an image at a daemon on this host.</summary>
    internal string Sign(string id, int daemonPort, string host = "127.0.0.1") => Signer.Sign(
        new DaemonAddress(host, daemonPort), id, "transfer-1", TimeSpan.FromMinutes(10), SignatureForms.Pss);

    /// <summary>Installs a ticket as managers from 4.2.1 on do.</summary>
    internal async Task InstallAsync(string id, int daemonPort, string host = "127.0.0.1")
    {
        using HttpResponseMessage response = await Client.PutAsync(
            "/tickets/", new StringContent(Sign(id, daemonPort, host)));
        response.EnsureSuccessStatusCode();
    }

    /// <summary>The log so far.</summary>
    internal string ReadLog() => Files.ReadLog();
}
