using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>TLS of the remote service.</summary>
public sealed class TlsTests(DaemonFixture daemon) : IClassFixture<DaemonFixture>
{
    [Theory(Timeout = 20_000)]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Tls_1_2_and_1_3_are_served(SslProtocols version)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, daemon.RemotePort);
        await using var tls = new SslStream(socket.GetStream());

        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = version,
            CertificateChainPolicy = daemon.Files.Certificate.Policy,
        });

        Assert.Equal(version, tls.SslProtocol);
    }

    [SkippableTheory(Timeout = 20_000)]
    [InlineData("-tls1")]
    [InlineData("-tls1_1")]
    public async Task Tls_below_1_2_is_refused_whatever_the_client_offers(string version)
    {
        Skip.IfNot(File.Exists("/usr/bin/openssl"), "Needs openssl: .NET itself offers no such version");

        // Security level 0 lets this client try; the same client with TLS 1.2 shows that the rest is in order.
        (int refused, string output) = await HandshakeAsync(version);
        (int served, string other) = await HandshakeAsync("-tls1_2");

        Assert.True(refused != 0, output);
        Assert.Contains("alert protocol version", output, StringComparison.OrdinalIgnoreCase);
        Assert.True(served == 0, other);
    }

    [Fact(Timeout = 20_000)]
    public async Task Plain_http_gets_no_answer()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, daemon.RemotePort);
        await socket.GetStream().WriteAsync("GET /info/ HTTP/1.1\r\nHost: h\r\n\r\n"u8.ToArray());

        using var received = new MemoryStream();
        try
        {
            await socket.GetStream().CopyToAsync(received);
        }
        catch (IOException)
        {
            // Reset: an answer of a kind.
        }

        Assert.DoesNotContain("HTTP", System.Text.Encoding.Latin1.GetString(received.ToArray()), StringComparison.Ordinal);
    }

    private async Task<(int Status, string Output)> HandshakeAsync(string version)
    {
        BufferedCommandResult result = await Cli.Wrap("/usr/bin/openssl")
            .WithArguments([
                "s_client", "-connect", $"127.0.0.1:{daemon.RemotePort}", version, "-cipher", "ALL:@SECLEVEL=0",
                "-CAfile", daemon.Files.Certificate.CertificateFile])
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();
        return (result.ExitCode, result.StandardOutput + result.StandardError);
    }
}
