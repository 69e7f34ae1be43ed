using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Daemon;

/// <summary>How connections with TLS begin, end, and break off.</summary>
[Trait("Tls", "EachOpenSsl")]
public sealed class TlsConnectionTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());

    private DaemonFixture Daemon { get; set; } = null!;

    public async Task InitializeAsync() => Daemon = await DaemonFixture.StartAsync(time: _time);

    public async Task DisposeAsync() => await Daemon.DisposeAsync();

    // The end of TLS alone says that the client sends no more, not that it has gone (RFC 8446 section 6.1).
    [Fact(Timeout = 30_000)]
    public async Task Client_that_ends_its_side_of_tls_gets_the_whole_answer()
    {
        byte[] content = Bytes.Random(8 << 20);
        TestImage image = await Daemon.AddImageAsync(content, "read");
        using TcpClient socket = await ConnectAsync();
        await using SslStream tls = await HandshakeAsync(socket);

        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET {image.Url} HTTP/1.1\r\nHost: h\r\n\r\n"));
        await tls.ShutdownAsync();

        byte[] answer = await ReadToEndAsync(tls);
        Assert.StartsWith("HTTP/1.1 200 OK", Encoding.Latin1.GetString(answer, 0, 100), StringComparison.Ordinal);
        Bytes.AssertEqual(content, answer[^content.Length..], "the answer");
        await Daemon.BecomesQuietAsync(image);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(0)]
    [InlineData(40)]
    public async Task Stalled_handshake_is_cut_after_a_minute(int sent)
    {
        using TcpClient socket = await ConnectAsync();
        byte[] hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, .. new byte[200]];
        await socket.GetStream().WriteAsync(hello.AsMemory(0, sent));
        await Eventually.HoldsAsync(() => RemoteConnections == 1, "the connection has come");

        _time.Advance(TimeSpan.FromSeconds(50));
        Assert.Equal(1, RemoteConnections);
        await Eventually.HoldsAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return RemoteConnections == 0;
            },
            "it is cut");

        Assert.Empty(await ReadToEndAsync(socket.GetStream()));
    }

    // Each number ends it elsewhere: in the client's first message, before and in its last, behind it, in its request.
    [Theory(Timeout = 30_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Client_that_leaves_at_any_stage_leaves_nothing(bool isReset)
    {
        int whole = await CountHandshakeAsync();
        foreach (int limit in (int[])[.. Enumerable.Range(
            0, 16).Select(part => whole * part / 16), whole - 1, whole, whole + 10, whole + 60])
        {
            using TcpClient socket = await ConnectAsync();
            socket.LingerState = new LingerOption(isReset, 0);
            try
            {
                await using var tls = new SslStream(
                    new LimitedStream(socket.GetStream(), limit), leaveInnerStreamOpen: true);
                await tls.AuthenticateAsClientAsync(Options());
                await tls.WriteAsync("GET /info/ HTTP/1.1\r\nHost: h\r\n"u8.ToArray());
            }
            catch (Exception e) when (e is IOException or AuthenticationException)
            {
                // The limit was reached.
            }
        }

        await Eventually.HoldsAsync(() => RemoteConnections == 0, "nothing is left of them");
        await Eventually.HoldsAsync(
            () => Daemon.Blocks.Rented <= 2, "their blocks are given back; the control connection may hold some");
        using TcpClient other = await ConnectAsync();
        await using SslStream works = await HandshakeAsync(other);
    }

    [Fact(Timeout = 30_000)]
    public async Task Requests_sent_at_once_are_answered_in_order()
    {
        using TcpClient socket = await ConnectAsync();
        await using SslStream tls = await HandshakeAsync(socket);

        await tls.WriteAsync(
            Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /info/ HTTP/1.1\r\nHost: h\r\n\r\n", 499))
            + "GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        string answers = Encoding.Latin1.GetString(await ReadToEndAsync(tls));

        Assert.Equal(500, answers.Split("HTTP/1.1 200 OK").Length);
        Assert.Equal(2, answers.Split("HTTP/1.1 404").Length);
        Assert.True(answers.LastIndexOf("200 OK", StringComparison.Ordinal) < answers.IndexOf(
            "HTTP/1.1 404", StringComparison.Ordinal));
    }

    [Fact(Timeout = 30_000)]
    public async Task Garbage_after_the_handshake_ends_that_connection_alone()
    {
        using TcpClient socket = await ConnectAsync();
        await using SslStream tls = await HandshakeAsync(socket);
        await tls.WriteAsync("GET /info/ HTTP/1.1\r\nHost"u8.ToArray());

        // A record of data that was never encrypted.
        await socket.GetStream().WriteAsync(new byte[] { 23, 3, 3, 0, 40 }.Concat(new byte[40]).ToArray());
        byte[] answer = [];
        try
        {
            answer = await ReadToEndAsync(tls);
        }
        catch (IOException)
        {
            // It may tell why, by an alert.
        }

        Assert.Empty(answer);
        await Eventually.HoldsAsync(() => RemoteConnections == 0, "it is over");
    }

    [Theory(Timeout = 30_000)]
    [InlineData(TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)]
    [InlineData(TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)]
    [InlineData(TlsCipherSuite.TLS_AES_128_GCM_SHA256)]
    public async Task Certificate_with_an_rsa_key_is_served_with_its_intermediate(TlsCipherSuite cipher)
    {
        using RsaChain chain = RsaChain.Create();
        chain.Install(Daemon.Files.Certificate.CertificateFile, Daemon.Files.Certificate.KeyFile);
        using TcpClient socket = await ConnectAsync();
        await using var tls = new SslStream(socket.GetStream());

        // Knows the root alone: the intermediate must come along.
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { chain.Root },
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            },
            CipherSuitesPolicy = new CipherSuitesPolicy([cipher]),
        });

        Assert.Equal(cipher, tls.NegotiatedCipherSuite);
    }

    private int RemoteConnections =>
        Daemon.Connections.CountByService().Where(pair => pair.Service == "remote").Sum(pair => pair.Count);

    private async Task<TcpClient> ConnectAsync()
    {
        var socket = new TcpClient { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, Daemon.RemotePort);
        return socket;
    }

    private static async Task<byte[]> ReadToEndAsync(Stream stream)
    {
        using var all = new MemoryStream();
        try
        {
            await stream.CopyToAsync(all);
        }
        catch (IOException) when (all.Length > 0 || stream is NetworkStream)
        {
            // Cut.
        }

        return all.ToArray();
    }

    private SslClientAuthenticationOptions Options() => new()
    {
        TargetHost = "localhost",
        CertificateChainPolicy = Daemon.Files.Certificate.Policy,
    };

    private async Task<SslStream> HandshakeAsync(TcpClient socket)
    {
        var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(Options());
        return tls;
    }

    private async Task<(TcpClient Socket, RecordingStream Record, SslStream Tls)> RecordAsync()
    {
        TcpClient socket = await ConnectAsync();
        var record = new RecordingStream(socket.GetStream());
        var tls = new SslStream(record);
        await tls.AuthenticateAsClientAsync(Options());
        return (socket, record, tls);
    }

    // Bytes that a handshake takes, in both directions.
    private async Task<int> CountHandshakeAsync()
    {
        (TcpClient socket, RecordingStream record, SslStream tls) = await RecordAsync();
        int count = record.Received.Count + record.SentCount;
        await tls.DisposeAsync();
        socket.Dispose();
        return count;
    }

    // Issue 15, D24: it waits for its answer, as with "printf ... | openssl s_client". A client that has gone is found
    // by the first write that fails.
    [Theory(Timeout = 30_000)]
    [InlineData(100, true)]
    [InlineData(8 << 20, true)]
    [InlineData(8 << 20, false)]
    public async Task Client_that_ends_its_side_of_the_connection_gets_the_whole_answer(int size, bool saysSo)
    {
        byte[] content = Bytes.Random(size);
        TestImage image = await Daemon.AddImageAsync(content, "read");
        using TcpClient socket = await ConnectAsync();
        await using SslStream tls = await HandshakeAsync(socket);

        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET {image.Url} HTTP/1.1\r\nHost: h\r\n\r\n"));
        if (saysSo)
        {
            await tls.ShutdownAsync();
        }

        socket.Client.Shutdown(SocketShutdown.Send);
        byte[] answer = await ReadToEndAsync(tls);

        Assert.StartsWith("HTTP/1.1 200 OK", Encoding.Latin1.GetString(answer, 0, 100), StringComparison.Ordinal);
        Bytes.AssertEqual(content, answer[^content.Length..], "the answer");
        await Daemon.BecomesQuietAsync(image);
    }

    // .NET's ends with the connection: clients of HTTP do without.
    [Fact(Timeout = 30_000)]
    public async Task Server_ends_a_connection_with_close_notify()
    {
        TestImage image = await Daemon.AddImageAsync(Bytes.Random(100_000), "read");
        (TcpClient socket, RecordingStream record, SslStream tls) = await RecordAsync();

        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET {image.Url}?close=y HTTP/1.1\r\nHost: h\r\n\r\n"));
        byte[] answer = await ReadToEndAsync(tls);
        await tls.DisposeAsync();
        socket.Dispose();

        Assert.True(answer.Length > 100_000, "All of it came");
        // Its last record is the alert: 2 bytes, encrypted for TLS 1.3 with a type and a tag (RFC 8446 section 5.2).
        Assert.Equal([23, 3, 3, 0, 2 + 1 + 16], record.Received.TakeLast(24).Take(5));
    }
}
