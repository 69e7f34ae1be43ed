using ImageIO.Proxy.Hosting;
using ImageIO.Proxy.Options;
using ImageIO.Proxy.SignedTickets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace ImageIO.Tests.Support;

/// <summary>The real proxy in the test process, with a certificate authority and a signer of tickets of its own.</summary>
public sealed class ProxyFixture : IAsyncLifetime
{
    private WebApplication? _app;

    public HttpClient Client { get; private set; } = null!;

    /// <summary>For the service with metrics and health.</summary>
    public HttpClient Monitor { get; private set; } = null!;

    public int Port { get; private set; }

    internal ProxyFiles Files { get; } = new();

    internal TicketSigner Signer => Files.Signer;

    internal ProxyTicketStore Tickets => _app!.Services.GetRequiredService<ProxyTicketStore>();

    public async Task InitializeAsync()
    {
        _app = ProxyHost.Build(ProxyConfiguration.Load(Files.ConfigurationFile), TimeProvider.System);
        await _app.StartAsync();
        Port = _app.Urls.Select(url => new Uri(url)).Single(url => url.Scheme == "https").Port;
        Client = DaemonClients.OverTls(Port, Files.Certificate);
        Monitor = DaemonClients.OverUnixSocket(Files.MonitorSocket);
    }

    public async Task DisposeAsync()
    {
        Client?.Dispose();
        Monitor?.Dispose();
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        Files.Dispose();
    }
}
