using System.Net.Sockets;
using System.Text;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// Clients that shut down their sending side behind a whole request, as <c>printf ... | socat</c> does, get the whole
/// answer (issue 15, D24). TLS: TlsConnectionTests.
/// </summary>
[Collection(RunningDaemon.Collection)]
public sealed class HalfCloseTests(RunningDaemon daemon, TcpControlDaemon tcp) : IClassFixture<TcpControlDaemon>
{
    [Theory(Timeout = 30_000)]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(16 << 20)]
    public async Task Download_is_whole_and_then_the_connection_closes(int size)
    {
        byte[] content = Bytes.Random(size);
        TestImage image = await daemon.AddImageAsync(content, "read");
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", image.Url);
        client.Socket.Shutdown(SocketShutdown.Send);
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(200, response.Status);
        Bytes.AssertEqual(content, response.Body, "the answer");
        await client.AssertClosedAsync();
        await daemon.BecomesQuietAsync(image);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("Content-Length: 3000000", false)]
    [InlineData("Transfer-Encoding: chunked", true)]
    public async Task Upload_is_answered(string framing, bool isChunked)
    {
        byte[] content = Bytes.Random(3_000_000);
        TestImage image = await daemon.AddImageAsync(new byte[content.Length]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", image.Url, framing);
        await client.SendAsync(isChunked ? [.. "2DC6C0\r\n"u8, .. content, .. "\r\n0\r\n\r\n"u8] : content);
        client.Socket.Shutdown(SocketShutdown.Send);

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Bytes.AssertEqual(content, image.Content, "the image");
        await client.AssertClosedAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("unix")]
    [InlineData("tcp")]
    public async Task Ticket_is_added_and_the_manager_is_told_so(string transport)
    {
        string body = TicketBody.For("half-closed", "/nowhere", 1, "read").ToJsonString();
        for (int i = 0; i < 10; i++)
        {
            using RawClient client = transport == "tcp"
                ? await RawClient.ConnectTcpAsync(tcp.ControlUrl.Port)
                : await RawClient.ConnectAsync(daemon.Files.ControlSocket);
            await client.SendAsync(Encoding.UTF8.GetBytes(
                $"PUT /tickets/half-closed HTTP/1.1\r\nContent-Length: {body.Length}\r\n\r\n{body}"
                + "GET /tickets/half-closed HTTP/1.1\r\n\r\nDELETE /tickets/half-closed HTTP/1.1\r\n\r\n"));
            client.Socket.Shutdown(SocketShutdown.Send);

            Assert.Equal(200, (await client.ReceiveAsync()).Status);
            Assert.Equal(200, (await client.ReceiveAsync()).Status);
            Assert.Equal(204, (await client.ReceiveAsync()).Status);
            await client.AssertClosedAsync();
        }
    }

    // The other way round: who is really gone is found without a write on a Unix socket, whose end is known at once.
    [Fact(Timeout = 30_000)]
    public async Task Client_that_hangs_up_a_unix_socket_ends_what_it_asked_for()
    {
        TestImage image = await daemon.AddImageAsync(new byte[16 << 20], "read");
        RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", image.Url);
        await client.ReadAsync(1);
        client.Dispose();

        await daemon.BecomesQuietAsync(image);
    }
}
