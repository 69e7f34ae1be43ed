using System.Net;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// A daemon with a heap of 384 MiB, and as many connections as that allows (issue 15, B13): it was killed by 374
/// clients that announced bodies of 1 MiB.
/// </summary>
public sealed class SmallHeapTests(SmallHeapDaemon daemon) : IClassFixture<SmallHeapDaemon>
{
    private const int MiB = 1024 * 1024;

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("PATCH", 374)]
    [InlineData("PUT", 60)]
    public async Task Large_bodies_of_many_clients_are_refused_before_they_fill_the_heap(string method, int count)
    {
        await daemon.RequireAsync();
        TestImage image = await daemon.Process.AddImageAsync(new byte[4096]);
        (string socket, string target) = method == "PATCH"
            ? (daemon.Files.LocalSocket, image.Url)
            : (daemon.Files.ControlSocket, $"/tickets/{Guid.NewGuid()}");
        byte[] body = new byte[MiB - 1];
        Array.Fill(body, (byte)' ');
        RawClient[] clients = await Task.WhenAll(
            Enumerable.Range(0, count).Select(_ => RawClient.ConnectAsync(socket)));

        int[] statuses = await Task.WhenAll(clients.Select(async client =>
        {
            try
            {
                await client.RequestAsync(method, target, $"Content-Length: {MiB}");
                await client.SendAsync(body);
                await client.SendAsync("x");
                return (await client.ReceiveAsync()).Status;
            }
            catch (IOException)
            {
                // A refusal ends the connection, which may break the sending before the answer is read.
                return 503;
            }
        }));

        // Those that found room are read to their ends, and are nonsense.
        Assert.All(statuses, status => Assert.True(status is 400 or 503, $"{status}"));
        Array.ForEach(clients, client => client.Dispose());
        await daemon.AssertServesAsync();
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Two_hundred_transfers_at_once_fit_into_the_heap()
    {
        await daemon.RequireAsync();
        TestImage image = await daemon.Process.AddImageAsync(Bytes.Random(MiB), "read");
        TestImage[] targets = await Task.WhenAll(
            Enumerable.Range(0, 100).Select(_ => daemon.Process.AddImageAsync(new byte[MiB])));

        Task<int>[] downloads = [.. Enumerable.Range(0, 100).Select(async _ =>
            (await daemon.Process.Local.GetByteArrayAsync(image.Url)).Length)];
        HttpStatusCode[] uploads = await Task.WhenAll(targets.Select(async target =>
        {
            using HttpResponseMessage put = await daemon.Process.Remote.PutAsync(
                target.Url, new ByteArrayContent(new byte[MiB]));
            return put.StatusCode;
        }));

        Assert.All(uploads, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.All(await Task.WhenAll(downloads), length => Assert.Equal(MiB, length));
        await daemon.AssertServesAsync();
    }
}
