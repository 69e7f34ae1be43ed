using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Proxy;

/// <summary>Many transfers at once whose daemon or client stalls (issue 5).</summary>
public sealed class StalledTransfersTests
{
    private const int Stalled = 64;
    private const int MiB = 1024 * 1024;

    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());

    // More than the proxy's socket to the daemon takes (tcp_wmem of tcp(7): 4 MiB), so that it waits for the daemon.
    private const int Sent = 6 * MiB;

    [Fact(Timeout = 60_000)]
    public async Task Stalled_transfers_stop_nobody_else_end_with_an_error_and_leave_nothing()
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(ServeAsync, _time);
        await proxy.Proxy.InstallAsync("good", proxy.Daemon.Port);
        await AssertOthersPassAsync(proxy);
        int connections = proxy.Proxy.Connections.Count;
        var clients = new List<RawClient>();
        for (int i = 0; i < Stalled; i++)
        {
            clients.Add(await proxy.ConnectAsync());
            clients[i].Socket.ReceiveBufferSize = ScriptedDaemon.SocketBuffer;
        }

        // Half of the daemons take nothing, half of the clients do.
        Task<RawResponse>[] uploads = [.. clients.Take(Stalled / 2).Select(UploadAsync)];
        foreach (RawClient client in clients.Skip(Stalled / 2))
        {
            await client.RequestAsync("GET", ScriptedProxy.Url);
            Assert.Equal(200, (await client.ReceiveAsync(hasBody: false)).Status);
        }

        await Eventually.HoldsAsync(() => proxy.Proxy.Upstreams.BusyCount == Stalled, "all transfers run");
        await AssertOthersPassAsync(proxy);

        await Eventually.HoldsAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return proxy.Proxy.Upstreams.BusyCount == 0 && uploads.All(upload => upload.IsCompleted);
            },
            "all stalled transfers have ended");
        foreach (RawResponse answer in await Task.WhenAll(uploads))
        {
            answer.AssertIsError(504);
        }

        clients.ForEach(client => client.Dispose());
        await AssertOthersPassAsync(proxy);
        await Eventually.HoldsAsync(
            () => proxy.Proxy.Connections.Count == connections, "no client's connection is left");
        // The last of the others has its answer a moment before the proxy has put the connection back.
        await Eventually.HoldsAsync(() => proxy.Proxy.Upstreams.BusyCount == 0, "no connection to a daemon is in use");
    }

    // The image "good" is served well. The other daemon's connections take or send until one side stalls.
    private static async Task ServeAsync(ScriptedDaemonConnection daemon)
    {
        while (true)
        {
            string head = await daemon.ReadHeadAsync();
            if (head.StartsWith("GET /images/good", StringComparison.Ordinal))
            {
                await daemon.SendAsync($"HTTP/1.1 200 OK\nContent-Length: {MiB}\n\n");
                await daemon.Stream.WriteAsync(new byte[MiB], daemon.Stopping);
            }
            else if (head.StartsWith("GET", StringComparison.Ordinal))
            {
                await daemon.SendAsync("HTTP/1.1 200 OK\nContent-Length: 16000000000\n\n");
                byte[] part = new byte[MiB];
                while (true)
                {
                    await daemon.Stream.WriteAsync(part, daemon.Stopping);
                }
            }
            else
            {
                await daemon.StandStillAsync();
            }
        }
    }

    private static async Task<RawResponse> UploadAsync(RawClient client)
    {
        await client.RequestAsync("PUT", ScriptedProxy.Url, "Content-Length: 16000000000");
        await client.SendAsync(new byte[Sent]);
        return await client.ReceiveAsync();
    }

    private static async Task AssertOthersPassAsync(ScriptedProxy proxy)
    {
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(MiB, (await proxy.Proxy.Client.GetByteArrayAsync("/images/good")).Length);
        }
    }
}
