using System.Net;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>Metrics and health of the proxy, on a listener of their own.</summary>
public sealed class MonitorTests(ProxyFixture proxy) : IClassFixture<ProxyFixture>
{
    [Theory(Timeout = 20_000)]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    [InlineData("/metrics")]
    public async Task Monitor_serves_what_clients_do_not_see(string path)
    {
        using HttpResponseMessage monitor = await proxy.Monitor.GetAsync(path);
        using HttpResponseMessage client = await proxy.Client.GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, monitor.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, client.StatusCode);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("/info/")]
    [InlineData("/tickets/x")]
    [InlineData("/images/x")]
    public async Task Monitor_serves_nothing_else(string path)
    {
        using HttpResponseMessage response = await proxy.Monitor.GetAsync(path);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }
}
