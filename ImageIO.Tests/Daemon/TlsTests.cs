using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;
using ImageIO.Transport.Tls;

namespace ImageIO.Tests.Daemon;

/// <summary>TLS of the remote service.</summary>
[Trait("Tls", "EachOpenSsl")]
public sealed class TlsTests : IAsyncLifetime
{
    private DaemonFixture Daemon { get; set; } = null!;

    public async Task InitializeAsync() => Daemon = await DaemonFixture.StartAsync();

    public async Task DisposeAsync() => await Daemon.DisposeAsync();

    [Theory(Timeout = 20_000)]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Tls_1_2_and_1_3_are_served(SslProtocols version)
    {
        await using SslStream tls = await HandshakeAsync(
            new SslClientAuthenticationOptions { EnabledSslProtocols = version });

        Assert.Equal(version, tls.SslProtocol);
        await AssertServesAsync(tls);
    }

    [SkippableTheory(Timeout = 20_000)]
    [InlineData("-tls1")]
    [InlineData("-tls1_1")]
    public async Task Tls_below_1_2_is_refused_whatever_the_client_offers(string version)
    {
        // Security level 0 lets this client try. The same client with TLS 1.2 shows that everything else is right.
        (int refused, string output) = await RunClientAsync("", version, "-cipher", "ALL:@SECLEVEL=0");
        (int served, string other) = await RunClientAsync("", "-tls1_2", "-cipher", "ALL:@SECLEVEL=0");

        Assert.True(refused != 0, output);
        Assert.Contains("alert protocol version", output, StringComparison.OrdinalIgnoreCase);
        Assert.True(served == 0, other);
    }

    [Theory(Timeout = 20_000)]
    [InlineData(TlsCipherSuite.TLS_AES_128_GCM_SHA256)]
    [InlineData(TlsCipherSuite.TLS_AES_256_GCM_SHA384)]
    [InlineData(TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256)]
    [InlineData(TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)]
    [InlineData(TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)]
    public async Task Each_modern_cipher_is_served_to_a_client_that_offers_no_other(TlsCipherSuite cipher)
    {
        await using SslStream tls = await HandshakeAsync(new SslClientAuthenticationOptions
        {
            CipherSuitesPolicy = new CipherSuitesPolicy([cipher]),
        });

        Assert.Equal(cipher, tls.NegotiatedCipherSuite);
        await AssertServesAsync(tls);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("http/1.1", "http/1.1")]
    [InlineData("h2 http/1.1", "http/1.1")]
    [InlineData("http/1.0", "http/1.0")]
    [InlineData("http/1.0 http/1.1", "http/1.1")]
    [InlineData("", "")]
    public async Task Http_1_1_is_agreed_on_or_1_0(string offered, string agreed)
    {
        await using SslStream tls = await HandshakeAsync(
            new SslClientAuthenticationOptions { ApplicationProtocols = Protocols(offered) });

        Assert.Equal(agreed, tls.NegotiatedApplicationProtocol.ToString());
        await AssertServesAsync(tls);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("other.example.com")]
    [InlineData("")]
    public async Task Name_that_the_client_asks_for_changes_nothing(string name)
    {
        await using SslStream tls = await HandshakeAsync(new SslClientAuthenticationOptions
        {
            TargetHost = name,
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        });

        await AssertServesAsync(tls);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("\u0016\u0003\u0001\u00ff\u00ff and no more than this")]
    [InlineData("\u0000\u0000\u0000\u0000")]
    public async Task What_is_no_client_hello_gets_no_answer_of_http(string sent)
    {
        using TcpClient socket = await ConnectAsync();
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(sent));
        socket.Client.Shutdown(SocketShutdown.Send);

        using var received = new MemoryStream();
        try
        {
            await stream.CopyToAsync(received);
        }
        catch (IOException)
        {
            // Reset: an answer of a kind.
        }

        Assert.DoesNotContain("HTTP", Encoding.Latin1.GetString(received.ToArray()), StringComparison.Ordinal);
        await AssertServesOthersAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(100)]
    public async Task Client_that_leaves_during_the_handshake_leaves_nothing(int sent)
    {
        // A record of a handshake of 512 bytes, of which so many come.
        byte[] record = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, .. new byte[200]];
        using (TcpClient socket = await ConnectAsync())
        {
            await socket.GetStream().WriteAsync(record.AsMemory(0, sent));
        }

        await AssertServesOthersAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Handshake_may_come_byte_by_byte()
    {
        TcpClient socket = await ConnectAsync();
        socket.NoDelay = true;
        await using var tls = new SslStream(new BytewiseStream(socket.GetStream()));
        await tls.AuthenticateAsClientAsync(WithTrust(new SslClientAuthenticationOptions()));

        await AssertServesAsync(tls);
    }

    [Theory(Timeout = 20_000)]
    [InlineData(1)]
    [InlineData((16 * 1024) - 1)]
    [InlineData(16 * 1024)]
    [InlineData((16 * 1024) + 1)]
    [InlineData((64 * 1024) + 1)]
    [InlineData((3 * 1024 * 1024) + 1)]
    public async Task Bodies_around_the_size_of_a_record_arrive_whole(int size)
    {
        byte[] content = Bytes.Random(size);
        TestImage image = await Daemon.AddImageAsync(new byte[size], "read", "write");

        using HttpResponseMessage upload = await Daemon.Remote.PutAsync(image.Url, new ByteArrayContent(content));
        byte[] downloaded = await Daemon.Remote.GetByteArrayAsync(image.Url);

        Assert.Equal(HttpStatusCode.OK, upload.StatusCode);
        Assert.Equal(content, downloaded);
    }

    [SkippableFact(Timeout = 20_000)]
    public async Task Sessions_are_not_resumed()
    {
        (_, string old) = await RunClientAsync("", "-tls1_2", "-reconnect");

        Assert.Contains("New, ", old, StringComparison.Ordinal);
        Assert.DoesNotContain("Reused, ", old, StringComparison.Ordinal);
    }

    [SkippableTheory(Timeout = 20_000)]
    [InlineData("-tls1_3", "K", "KEYUPDATE")]
    [InlineData("-tls1_3", "k", "KEYUPDATE")]
    public async Task Keys_may_be_renewed_on_a_running_connection(string version, string command, string done)
    {
        Skip.IfNot(File.Exists(OpenSsl), "Needs openssl");
        await using var client = InteractiveClient.Start(OpenSsl, Arguments(version));
        await client.SeesAsync("Verify return code: 0");

        await client.TypeAsync(command + "\n");
        await client.SeesAsync(done);
        await client.TypeAsync("GET /info/ HTTP/1.1\r\nHost: h\r\n\r\n");

        await client.SeesAsync("HTTP/1.1 200 OK");
    }

    [SkippableFact(Timeout = 20_000)]
    public async Task Client_that_wants_to_renegotiate_harms_nobody()
    {
        Skip.IfNot(File.Exists(OpenSsl), "Needs openssl");
        await using var client = InteractiveClient.Start(OpenSsl, Arguments("-tls1_2"));
        await client.SeesAsync("Verify return code: 0");

        await client.TypeAsync("R\n");
        await client.SeesAsync("RENEGOTIATING");

        await AssertServesOthersAsync();
    }

    [Fact(Timeout = 60_000)]
    public async Task Clients_that_drop_their_connections_at_random_moments_leave_nothing()
    {
        TestImage image = await Daemon.AddImageAsync(Bytes.Random(1 << 20), "read", "write");
        var random = new Random(20261122);
        for (int round = 0; round < 25; round++)
        {
            int[] limits = [.. Enumerable.Range(0, 8).Select(_ => random.Next(1 << 18))];
            await Task.WhenAll(limits.Select((limit, index) => DropAsync(image.Url, limit, isUpload: index % 2 == 0)));
        }

        await BecomesLonelyAsync(0);
        await Daemon.BecomesQuietAsync(image);
    }

    private const string OpenSsl = "/usr/bin/openssl";

    private static List<SslApplicationProtocol> Protocols(string names) =>
        [.. names.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => new SslApplicationProtocol(name))];

    private static async Task AssertServesAsync(Stream tls)
    {
        await tls.WriteAsync("GET /info/ HTTP/1.1\r\nHost: h\r\n\r\n"u8.ToArray());
        byte[] status = new byte[15];
        await tls.ReadExactlyAsync(status);
        Assert.Equal("HTTP/1.1 200 OK", Encoding.Latin1.GetString(status));
    }

    // One connection that moves about so many bytes of TLS, the handshake among them, and is then reset.
    private async Task DropAsync(string url, int limit, bool isUpload)
    {
        TcpClient socket = await ConnectAsync();
        socket.LingerState = new LingerOption(true, 0);
        try
        {
            await using var tls = new SslStream(new LimitedStream(socket.GetStream(), limit));
            await tls.AuthenticateAsClientAsync(WithTrust(new SslClientAuthenticationOptions()));
            string method = isUpload ? "PUT" : "GET";
            string length = isUpload ? "Content-Length: 1048576\r\n" : "";
            await tls.WriteAsync(Encoding.ASCII.GetBytes($"{method} {url} HTTP/1.1\r\nHost: h\r\n{length}\r\n"));
            byte[] buffer = new byte[10_000];
            while (true)
            {
                if (isUpload)
                {
                    await tls.WriteAsync(buffer);
                }
                else
                {
                    await tls.ReadExactlyAsync(buffer);
                }
            }
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // The limit was reached.
        }
        finally
        {
            socket.Dispose();
        }
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Daemon.RemotePort);
        return socket;
    }

    private async Task<SslStream> HandshakeAsync(SslClientAuthenticationOptions options)
    {
        TcpClient socket = await ConnectAsync();
        var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(WithTrust(options));
        return tls;
    }

    private SslClientAuthenticationOptions WithTrust(SslClientAuthenticationOptions options)
    {
        options.TargetHost ??= "localhost";
        options.CertificateChainPolicy ??= Daemon.Files.Certificate.Policy;
        return options;
    }

    private async Task AssertServesOthersAsync()
    {
        using HttpResponseMessage response = await Daemon.Remote.GetAsync("/info/");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await BecomesLonelyAsync(1);
    }

    private Task BecomesLonelyAsync(int left) => Eventually.HoldsAsync(
        () =>
            Daemon.Connections.CountByService().Where(pair => pair.Service == "remote").Sum(pair => pair.Count) == left,
        $"{left} connections of clients are left");

    private async Task<(int Status, string Output)> RunClientAsync(string input, params string[] arguments)
    {
        Skip.IfNot(File.Exists(OpenSsl), "Needs openssl: .NET itself offers no such thing");
        BufferedCommandResult result = await Cli.Wrap(OpenSsl)
            .WithArguments(Arguments(arguments))
            .WithStandardInputPipe(PipeSource.FromString(input))
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();
        return (result.ExitCode, result.StandardOutput + result.StandardError);
    }

    private string[] Arguments(params string[] arguments) =>
    [
        "s_client", "-connect", $"127.0.0.1:{Daemon.RemotePort}", .. arguments,
        "-CAfile", Daemon.Files.Certificate.CertificateFile,
    ];

    // Issue 15, D24.
    [Theory(Timeout = 20_000)]
    [InlineData("h2")]
    [InlineData("h2 spdy/3")]
    public async Task Client_that_names_only_other_protocols_is_served_without_an_agreement(string offered)
    {
        await using SslStream tls = await HandshakeAsync(
            new SslClientAuthenticationOptions { ApplicationProtocols = Protocols(offered) });

        Assert.Equal("", tls.NegotiatedApplicationProtocol.ToString());
        await AssertServesAsync(tls);
    }

    // Issue 15, D22.
    [Theory(Timeout = 20_000)]
    [InlineData("GET", 0)]
    [InlineData("OPTIONS", 0)]
    [InlineData("PUT", 8 << 20)]
    public async Task Http_spoken_to_the_https_port_is_told_so(string method, int body)
    {
        using (RawClient client = await RawClient.ConnectTcpAsync(Daemon.RemotePort))
        {
            await client.RequestAsync(method, "/images/x", $"Content-Length: {body}");
            await client.SendAsync(new byte[body]);
            RawResponse response = await client.ReceiveAsync();

            response.AssertIsError(400);
            Assert.Contains("HTTPS", response.Text, StringComparison.Ordinal);
            await client.AssertClosedAsync();
        }

        await AssertServesOthersAsync();
    }

    // Issue 15, C17. RSA keys served TLS_RSA_WITH_... and CBC ciphers before.
    [SkippableTheory(Timeout = 20_000)]
    [InlineData("ECDSA")]
    [InlineData("RSA")]
    public async Task Tls_1_2_is_served_with_the_ciphers_that_the_docs_list_and_no_other(string key)
    {
        if (key == "RSA")
        {
            using RsaChain chain = RsaChain.Create();
            chain.Install(Daemon.Files.Certificate.CertificateFile, Daemon.Files.Certificate.KeyFile);
        }

        string[] listed = [.. CipherRules.Tls12.Where(name => name.Contains(key, StringComparison.Ordinal))];
        string docs = string.Join('\n', RepositoryFiles.ReadLines("docs", "tls.md"));
        Assert.All(listed, name => Assert.Contains($"`{name}`", docs, StringComparison.Ordinal));
        foreach (string name in listed)
        {
            (_, string output) = await RunClientAsync("", "-tls1_2", "-cipher", $"{name}:@SECLEVEL=0");
            Assert.Contains($"Cipher is {name}", output, StringComparison.Ordinal);
        }

        string others = $"ALL:{string.Concat(listed.Select(name => $"!{name}:"))}@SECLEVEL=0";
        (int refused, string alert) = await RunClientAsync("", "-tls1_2", "-cipher", others);
        Assert.True(refused != 0, alert);
        Assert.Contains("alert handshake failure", alert, StringComparison.Ordinal);
    }

    // build/check-openssl11.sh runs these tests again with OpenSSL 1.1.1, and says so.
    [Fact]
    public void Log_says_which_OpenSSL_encrypts() => Assert.Contains(
        $"TLS of the remote service by OpenSSL {Environment.GetEnvironmentVariable("IMAGEIO_TEST_OPENSSL") ?? "3"}",
        Daemon.Files.ReadLog(),
        StringComparison.Ordinal);
}
