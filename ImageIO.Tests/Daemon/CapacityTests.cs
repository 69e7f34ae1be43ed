using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Http.Listeners;
using ImageIO.Tests.Support;
using Xunit.Abstractions;

namespace ImageIO.Tests.Daemon;

/// <summary>Many at once, and clients that stand still with much on its way.</summary>
public sealed class CapacityTests(ITestOutputHelper output)
{
    private const int MiB = 1024 * 1024;

    [Fact(Timeout = 30_000)]
    public async Task Stalled_download_is_409_then_removable_once_the_client_has_gone_and_the_image_is_closed()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync("[control]\nremove_timeout = 0.2\n");
        TestImage image = await daemon.AddImageAsync(Bytes.Random(32 * MiB), "read");
        RawClient client = await RawClient.ConnectTlsAsync(daemon);
        await client.RequestAsync("GET", image.Url);
        await client.ReceiveAsync(hasBody: false);
        for (int received = 0; received < 8 * MiB;)
        {
            received += (await client.ReadAsync(64 * 1024)).Length;
        }

        // The sockets between take some more; a cancel before they are full would still find the download running. They
        // also look full for a moment whenever the daemon is faster than the kernel.
        int looks = 0;
        await Eventually.HoldsAsync(
            () => (looks = Download(daemon).HasStalled() ? looks + 1 : 0) == 40, "the download stands still");
        using HttpResponseMessage refused = await daemon.Control.DeleteAsync($"/tickets/{image.Id}");
        JsonObject canceled = await daemon.GetTicketAsync(image.Id);
        client.Reset();
        await Eventually.HoldsAsync(
            async () =>
                !(await daemon.GetTicketAsync(image.Id))["active"]!.GetValue<bool>(), "the download has stopped");
        using HttpResponseMessage removed = await daemon.Control.DeleteAsync($"/tickets/{image.Id}");
        int open = OpenFiles.Count(image.Path);

        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.StartsWith(
            "Timeout cancelling transfer", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.True(canceled["canceled"]!.GetValue<bool>());
        Assert.True(canceled["active"]!.GetValue<bool>());
        Assert.InRange(canceled["transferred"]!.GetValue<long>(), 8L * MiB, 24L * MiB);
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        Assert.Equal(0, open);
        client.Dispose();
    }

    [Fact(Timeout = 20_000)]
    public async Task Ticket_list_tells_each_ticket_as_it_is_told_alone_and_what_it_has_waited_for()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync();
        Assert.Equal("[]\n", await daemon.Control.GetStringAsync("/tickets"));
        TestImage first = await daemon.AddImageAsync([1], "read");
        TestImage second = await daemon.AddImageAsync([2]);

        JsonNode[] list = [.. JsonNode.Parse(await daemon.Control.GetStringAsync("/tickets"))!.AsArray().Select(
            ticket => ticket!)];

        Assert.Equal(2, list.Length);
        foreach (TestImage image in (TestImage[])[first, second])
        {
            JsonNode listed = Assert.Single(list, ticket => ticket["uuid"]!.GetValue<string>() == image.Id);
            JsonNode alone = await daemon.GetTicketAsync(image.Id);
            Assert.Equal(
                [.. alone.AsObject().Select(pair => pair.Key), "client_wait", "storage_wait"],
                listed.AsObject().Select(pair => pair.Key));
            Assert.Equal(alone["url"]!.GetValue<string>(), listed["url"]!.GetValue<string>());
        }
    }

    [Fact(Timeout = 120_000)]
    [Trait("Speed", "Slow")]
    public async Task Thousand_idle_connections_and_hundred_transfers_at_once_fail_nobody_and_cost_few_threads()
    {
        const int Idle = 1000;
        const int Transfers = 100;
        using var files = new DaemonFiles("[logger_root]\nlevel = INFO\n");
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        byte[] content = Bytes.Random(4 * MiB);
        TestImage image = await daemon.AddImageAsync(new byte[content.Length]);
        (await daemon.Local.PutAsync(image.Url, new ByteArrayContent(content))).EnsureSuccessStatusCode();
        int threadsBefore = Threads(daemon);
        long memoryBefore = daemon.PeakMemory;

        var idle = new List<RawClient>();
        try
        {
            for (int i = 0; i < Idle; i++)
            {
                RawClient client = await RawClient.ConnectAsync(files.LocalSocket);
                idle.Add(client);
                await client.AssertOpenAsync();
            }

            long memoryIdle = daemon.PeakMemory;
            await Task.WhenAll(Enumerable.Range(0, Transfers).Select(async index =>
            {
                if (index % 2 == 0)
                {
                    byte[] received = await daemon.Local.GetByteArrayAsync(image.Url);
                    Bytes.AssertEqual(content, received, "a download");
                }
                else
                {
                    // The same bytes again, so that readers see one content whatever the order.
                    using HttpResponseMessage written = await daemon.Local.PutAsync(
                        $"{image.Url}?flush=n", new ByteArrayContent(content));
                    Assert.Equal(HttpStatusCode.OK, written.StatusCode);
                }
            }));
            int threads = Threads(daemon);
            output.WriteLine(
                $"threads {threadsBefore} -> {threads}, peak memory {memoryBefore / MiB} MiB, with {Idle} idle "
                    + $"connections "
                + $"{memoryIdle / MiB} MiB, with {Transfers} transfers beside {daemon.PeakMemory / MiB} MiB");

            foreach (RawClient client in idle)
            {
                await client.AssertOpenAsync();
            }

            Bytes.AssertEqual(content, image.Content, "the image");
            Assert.DoesNotContain("ERROR", files.ReadLog(), StringComparison.Ordinal);
            // Far below one for each transfer; threads for blocking storage calls are among them.
            Assert.InRange(threads, 1, threadsBefore + 64);
            // The pool's 64 MiB, the runtime, and less than 100 KiB for each connection.
            Assert.InRange(daemon.PeakMemory, 1, 400L * MiB);
        }
        finally
        {
            idle.ForEach(client => client.Dispose());
        }
    }

    private static ClientConnection Download(DaemonFixture daemon) =>
        daemon.Connections.Open.Single(connection => connection.Service == "remote");

    private static int Threads(DaemonProcess daemon) => int.Parse(
        File.ReadLines($"/proc/{daemon.Id}/status")
            .First(line => line.StartsWith("Threads:", StringComparison.Ordinal))[8..].Trim(),
        CultureInfo.InvariantCulture);
}
