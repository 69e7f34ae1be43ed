using System.Text.RegularExpressions;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>The content of the log about transfers, and what it must never contain.</summary>
public sealed partial class TransferLogTests : IAsyncLifetime
{
    private DaemonFixture _daemon = null!;

    public async Task InitializeAsync() => _daemon = await DaemonFixture.StartAsync();

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Fact(Timeout = 20_000)]
    public async Task Connection_that_closes_sums_its_transfer_up_in_one_line()
    {
        TestImage image = await AddAsync("transfer-7", 30_000);
        using (RawClient client = await RawClient.ConnectTlsAsync(_daemon))
        {
            foreach (int length in (int[])[10_000, 20_000])
            {
                await client.RequestAsync("PUT", image.Url, $"Content-Length: {length}");
                await client.SendAsync(new byte[length]);
                Assert.Equal(200, (await client.ReceiveAsync()).Status);
            }
        }

        await Eventually.HoldsAsync(() => Summary().IsMatch(_daemon.Files.ReadLog()), "the summary is logged");

        Match line = Assert.Single(Summary().Matches(_daemon.Files.ReadLog()));
        Assert.Equal(("2", "30000"), (line.Groups["operations"].Value, line.Groups["bytes"].Value));
        // A TLS handshake takes time, so 0.000 would mean that it was not measured.
        Assert.NotEqual("0.000", line.Groups["handshake"].Value);
    }

    [Fact(Timeout = 20_000)]
    public async Task Operations_are_logged_with_size_and_offset_and_tickets_when_they_come_change_and_go()
    {
        TestImage image = await AddAsync("transfer-8", 10_000);
        using (RawClient client = await RawClient.ConnectAsync(_daemon.Files.LocalSocket))
        {
            await client.RequestAsync("PUT", image.Url, "Content-Length: 1000", "Content-Range: bytes 500-*/*");
            await client.SendAsync(new byte[1000]);
            await client.ReceiveAsync();
        }

        (await _daemon.Control.PatchAsync($"/tickets/{image.Id}", new StringContent("""{"timeout": 77}"""))).Dispose();
        (await _daemon.Control.DeleteAsync($"/tickets/{image.Id}")).Dispose();

        foreach (string text in (string[])[
            "Transfer transfer-8: ticket added", "Transfer transfer-8: write 1000 bytes at 500",
            "Transfer transfer-8: write of 1000 bytes at 500 ended",
            "Transfer transfer-8: ticket expires in 77 s", "Transfer transfer-8: ticket removed"])
        {
            await Eventually.HoldsAsync(
                () => _daemon.Files.ReadLog().Contains(text, StringComparison.Ordinal), $"the log has: {text}");
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Event_is_one_line_whatever_it_names()
    {
        string[] before = _daemon.Files.ReadLog().Split('\n');
        await AddAsync("one\n2026-01-01 00:00:00,000 ERROR forged\u2028line\0", 100);

        string[] added = [.. _daemon.Files.ReadLog().Split('\n').Skip(before.Length - 1)];

        Assert.Contains("one\\u000a2026-01-01 00:00:00,000 ERROR forged\\u2028line\\u0000: "
            + "ticket added", added[^2], StringComparison.Ordinal);
        Assert.DoesNotContain(added, line => line.StartsWith("2026-01-01", StringComparison.Ordinal));
    }

    [Fact(Timeout = 20_000)]
    public async Task Ticket_ids_keys_and_payload_are_never_logged_whatever_goes_wrong()
    {
        TestImage image = await AddAsync("transfer-9", 100);
        string[] targets =
        [
            image.Url, $"{image.Url}/extents",
            $"{image.Url}/extents?context=dirty", $"{image.Url}/checksum", $"{image.Url}/checksum?algorithm=x",
            $"{image.Url}?flush=x", $"{image.Url}/more", "/images/secret-of-nobody",
        ];
        foreach (string target in targets)
        {
            (await _daemon.Remote.GetAsync(target)).Dispose();
            (await _daemon.Local.PutAsync(target, new StringContent("the-payload"))).Dispose();
            (await _daemon.Local.PatchAsync(target, new StringContent("""{"op": "the-payload"}"""))).Dispose();
        }

        foreach (HttpMethod method in (HttpMethod[])[HttpMethod.Get,
            HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete])
        {
            foreach (string id in (string[])[image.Id, "secret-of-nobody"])
            {
                (await _daemon.Control.SendAsync(new HttpRequestMessage(method, $"/tickets/{id}")
                {
                    Content = method == HttpMethod.Put
                        || method == HttpMethod.Patch ? new StringContent($"{{\"uuid\": \"{id}\"}}") : null,
                })).Dispose();
            }
        }

        string key = File.ReadLines(_daemon.Files.Certificate.KeyFile).ElementAt(1);
        string log = _daemon.Files.ReadLog();
        Assert.Contains("transfer-9", log, StringComparison.Ordinal);
        foreach (string secret in (string[])[image.Id, "secret-of-nobody", "the-payload", key])
        {
            Assert.DoesNotContain(secret, log, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"Transfer transfer-7: connection \S+ closed after (?<operations>[0-9]+) operations, "
        + @"(?<bytes>[0-9]+) bytes in [0-9.]+ s: complete; waited [0-9.]+ s for the client, [0-9.]+ s for the storage, "
        + @"(?<handshake>[0-9.]+) s for the TLS handshake")]
    private static partial Regex Summary();

    private async Task<TestImage> AddAsync(string transferId, int size)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), _daemon.Files.CreateImage(new byte[size]));
        await _daemon.InstallAsync(TicketBody.For(image.Id, image.Path, size).With("transfer_id", transferId));
        return image;
    }
}
