using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// Clients that stall over real connections: what waits for them is given to others, and they lose no byte (issue 15,
/// B8). The pool of this daemon is 8 MiB.
/// </summary>
public sealed class StalledClientsTests : IAsyncLifetime
{
    private const int MiB = 1024 * 1024;
    private const int Clients = 8;
    private DaemonFixture? _daemon;

    private DaemonFixture Daemon => _daemon!;

    public async Task InitializeAsync() => _daemon = await DaemonFixture.StartAsync("[daemon]\nmax_connections = 1\n");

    public async Task DisposeAsync() => await Daemon.DisposeAsync();

    [Theory(Timeout = 60_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stalled_downloads_give_up_what_they_have_read_ahead_and_get_every_byte_later(bool overTls)
    {
        byte[] content = Bytes.Random((8 * MiB) + 12_345);
        TestImage image = await Daemon.AddImageAsync(content, "read");
        TestImage other = await Daemon.AddImageAsync(content, "read");
        RawClient[] stalled = await ConnectAsync(overTls);
        foreach (RawClient client in stalled)
        {
            await client.RequestAsync("GET", image.Url);
        }

        await Eventually.HoldsAsync(() => Stalled(overTls) == Clients, "all downloads stand still");
        await OthersGetTheBuffersAsync(other, content);

        RawResponse[] answers = await Task.WhenAll(stalled.Select(client => client.ReceiveAsync()));
        Assert.All(answers, answer => Bytes.AssertEqual(content, answer.Body, "what a stalled client received"));
        // The connections are as good as before.
        await stalled[0].RequestAsync("GET", image.Url, "Range: bytes=7-99999");
        RawResponse next = await stalled[0].ReceiveAsync();
        Bytes.AssertEqual(content.AsSpan(7, 99_993), next.Body, "the next answer");
        Array.ForEach(stalled, client => client.Dispose());
        await AllIsGivenBackAsync();
    }

    [Theory(Timeout = 60_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stalled_uploads_write_what_they_have_received_and_go_on_later(bool overTls)
    {
        byte[] content = Bytes.Random((3 * MiB) + 12_345);
        TestImage[] images = await Task.WhenAll(
            Enumerable.Range(0, Clients).Select(_ => Daemon.AddImageAsync(new byte[content.Length])));
        TestImage other = await Daemon.AddImageAsync(content, "read");
        RawClient[] stalled = await ConnectAsync(overTls);
        for (int i = 0; i < Clients; i++)
        {
            await stalled[i].RequestAsync("PUT", images[i].Url, $"Content-Length: {content.Length}");
            await stalled[i].SendAsync(content[..(MiB + 1)]);
        }

        await Eventually.HoldsAsync(
            () => Daemon.Tickets.All.Count(ticket => ticket.IsActive) == Clients, "all uploads run");
        await OthersGetTheBuffersAsync(other, content);

        foreach (RawClient client in stalled)
        {
            await client.SendAsync(content[(MiB + 1)..]);
            Assert.Equal(200, (await client.ReceiveAsync()).Status);
        }

        Assert.All(images, image => Bytes.AssertEqual(content, image.Content, "what is stored"));
        Array.ForEach(stalled, client => client.Dispose());
        await AllIsGivenBackAsync();
    }

    // Others are served while the clients stall, and take buffers until none of the stalled has a large one.
    private async Task OthersGetTheBuffersAsync(TestImage other, byte[] content)
    {
        await Eventually.HoldsAsync(
            async () =>
            {
                byte[][] served = await Task.WhenAll(
                    Daemon.Local.GetByteArrayAsync(other.Url), Daemon.Local.GetByteArrayAsync(other.Url));
                Assert.All(served, bytes => Bytes.AssertEqual(content, bytes, "what another client received"));
                return Daemon.Pool.RentedBytes == 0;
            },
            "the stalled clients have no large buffers");
        Assert.InRange(Daemon.Pool.SmallBytes, 0, Clients * 2L * Core.Buffers.BufferPool.SmallBuffer);
    }

    private Task AllIsGivenBackAsync() => Eventually.HoldsAsync(
        () => Daemon.Tickets.All.All(ticket => !ticket.IsActive)
            && Daemon.Pool.RentedBytes + Daemon.Pool.SmallBytes == 0,
        "all buffers are given back");

    private async Task<RawClient[]> ConnectAsync(bool overTls) =>
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(
            _ => overTls ? RawClient.ConnectTlsAsync(Daemon) : RawClient.ConnectAsync(Daemon.Files.LocalSocket)));

    private int Stalled(bool overTls) => Daemon.Connections.Open.Count(
        connection => connection.Service == (overTls ? "remote" : "local") && connection.HasStalled());
}
