using System.Net;
using System.Net.Sockets;
using ImageIO.Http.Listeners;
using ImageIO.Proxy.Options;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Listeners;

/// <summary>Where metrics and health may be served.</summary>
public sealed class MonitorAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:54325", true)]
    [InlineData("[::1]:0", true)]
    [InlineData("/run/ovirt-imageio-proxy/monitor", true)]
    [InlineData("\\0/org/ovirt/imageio-proxy", true)]
    [InlineData("", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("::1:54325", false)]
    [InlineData("54325", false)]
    [InlineData("localhost:54325", true)]
    [InlineData("localhost:x", false)]
    [InlineData("local host:54325", false)]
    [InlineData("monitor", false)]
    [InlineData("127.0.0.1:65536", false)]
    public void Monitor_address_is_an_address_with_a_port_or_a_socket_or_nothing(string text, bool isOne) =>
        Assert.Equal(isOne ? text : null, MonitorAddress.Parse(text)?.ToString());

    [Fact]
    public async Task Address_in_use_stops_the_start_and_holds_no_other()
    {
        using var files = new ProxyFiles();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        ProxyConfiguration configuration = ProxyConfiguration.Load(files.ConfigurationFile) with
        {
            Monitor = MonitorAddress.Parse($"127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}")!,
        };

        ConfigurationException taken = await Assert.ThrowsAsync<ConfigurationException>(
            () => ImageIO.Proxy.Hosting.ProxyHost.BuildAsync(configuration, TimeProvider.System));

        Assert.Contains("for the monitor service", taken.Message, StringComparison.Ordinal);
    }
}
