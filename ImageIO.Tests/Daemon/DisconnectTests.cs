using System.Net.Sockets;
using CsCheck;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>Clients that leave in the middle (issue 2: bad input and trouble).</summary>
public sealed class DisconnectTests(DaemonFixture daemon) : IClassFixture<DaemonFixture>
{
    private const int Size = 6 * 1024 * 1024;

    private static readonly int[] Edges = [0, 1, 4095, 4096, 1024 * 1024, (1024 * 1024) + 1, Size - 1];

    // At the edges of requests, blocks and buffers, and anywhere.
    private static readonly Gen<int> Point = Gen.OneOf(
        Gen.Int[0, Size - 1], Gen.Int[0, Edges.Length - 1].Select(edge => Edges[edge]));

    private static readonly Gen<(int Point, bool Tls, bool Reset)> Leaving = Gen.Select(Point, Gen.Bool, Gen.Bool);

    [Fact(Timeout = 90_000)]
    public async Task Upload_left_at_any_point_leaves_nothing_behind_but_what_was_sent() =>
        await Leaving.SampleAsync(
            async leaving =>
            {
                byte[] content = TestImage.Random(Size);
                TestImage image = await daemon.AddImageAsync(new byte[Size]);
                RawClient client = await ConnectAsync(leaving.Tls);
                await client.RequestAsync("PUT", image.Url, $"Content-Length: {Size}");
                await client.SendAsync(content[..leaving.Point]);
                await Eventually.HoldsAsync(() => daemon.Tickets.Find(new(image.Id)).IsActive, "the upload runs");
                Leave(client, leaving.Reset);

                await daemon.BecomesQuietAsync(image);
                byte[] stored = image.Content;
                // A reset takes away what the daemon had not yet read; so does a TCP close while the client has TLS
                // session tickets unread, which the kernel turns into a reset.
                int certain = leaving.Reset || leaving.Tls ? 0 : leaving.Point;
                int same = stored.AsSpan().CommonPrefixLength(content);
                Assert.True(same >= certain, $"Only {same} of {certain} bytes are on disk");
                Assert.True(stored.AsSpan(
                    leaving.Point).IndexOfAnyExcept((byte)0) < 0, "Bytes that were never sent are on disk");
            },
            seed: "0000KSDbFhD2", iter: 24, threads: 1);

    [Fact(Timeout = 90_000)]
    public async Task Download_left_at_any_point_leaves_nothing_behind() =>
        await Leaving.SampleAsync(
            async leaving =>
            {
                TestImage image = await daemon.AddImageAsync(new byte[Size], "read");
                RawClient client = await ConnectAsync(leaving.Tls);
                await client.RequestAsync("GET", image.Url);
                for (int received = 0; received < leaving.Point;)
                {
                    received += (await client.ReadAsync(leaving.Point - received)).Length;
                }

                Leave(client, leaving.Reset);

                await daemon.BecomesQuietAsync(image);
            },
            seed: "0000KSDbFhD2", iter: 24, threads: 1);

    [Theory(Timeout = 20_000)]
    [InlineData("PUT", "Content-Length: 1000", 500)]
    [InlineData("PUT", "Transfer-Encoding: chunked", 500)]
    [InlineData("PATCH", "Content-Length: 1000", 500)]
    public async Task Request_cut_short_is_never_acknowledged(string method, string framing, int sent)
    {
        TestImage image = await daemon.AddImageAsync(new byte[1000]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync(method, image.Url, framing);
        byte[] body = [.. "3e8\r\n"u8.ToArray(), .. TestImage.Random(sent)];
        await client.SendAsync(framing.StartsWith('T') ? body : body[5..]);

        client.Socket.Shutdown(SocketShutdown.Send);
        byte[] answer = await client.ReadAsync(12);

        Assert.NotEqual("HTTP/1.1 200"u8.ToArray(), answer);
        client.Dispose();
        await daemon.BecomesQuietAsync(image);
    }

    [Fact(Timeout = 20_000)]
    public async Task Client_that_leaves_is_no_error_in_the_log()
    {
        await using DaemonFixture own = await DaemonFixture.StartAsync();
        TestImage image = await own.AddImageAsync(new byte[Size]);
        foreach (string method in (string[])["PUT", "PATCH", "GET"])
        {
            RawClient client = await RawClient.ConnectTlsAsync(own);
            await client.RequestAsync(method, image.Url, method == "GET" ? [] : ["Content-Length: 1000000"]);
            await client.SendAsync(new byte[1000]);
            await Eventually.HoldsAsync(() => own.Connections.Count > 1, "the request has come");
            client.Reset();
            await Eventually.HoldsAsync(() => own.Connections.Count == 1, "only the control connection is left");
        }

        string[] errors = [.. own.Files.ReadLog().Split('\n').SkipWhile(
            line => !line.Contains("ERROR", StringComparison.Ordinal))];
        Assert.True(errors.Length == 0, string.Join('\n', errors));
    }

    private Task<RawClient> ConnectAsync(bool tls) =>
        tls ? RawClient.ConnectTlsAsync(daemon) : RawClient.ConnectAsync(daemon.Files.LocalSocket);

    private static void Leave(RawClient client, bool reset)
    {
        if (reset)
        {
            client.Reset();
        }
        else
        {
            client.Socket.Shutdown(SocketShutdown.Both);
            client.Dispose();
        }
    }
}
