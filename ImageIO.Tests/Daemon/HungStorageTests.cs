using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// Hung storage, on a real file system, delays only requests for its own images (issue 15, B9 and B10).
/// </summary>
[Trait("Needs", "Root")]
public sealed class HungStorageTests : IAsyncLifetime
{
    private FuseStorage? _fuse;
    private DaemonFixture? _daemon;

    private FuseStorage Fuse => _fuse!;

    private DaemonFixture Daemon => _daemon!;

    public async Task InitializeAsync()
    {
        if (FuseStorage.WhyNot is null)
        {
            _fuse = FuseStorage.Mount();
            _daemon = await DaemonFixture.StartAsync("[control]\nremove_timeout = 0.1\n");
        }
    }

    public async Task DisposeAsync()
    {
        // First: the daemon closes its images.
        _fuse?.Dispose();
        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }
    }

    public static TheoryData<string> Calls => new(["open", "stat", "extents", "close"]);

    [SkippableTheory(Timeout = 30_000)]
    [MemberData(nameof(Calls))]
    public async Task Delete_is_409_after_the_remove_timeout_while_a_call_hangs_and_204_when_the_file_is_closed(
        string call)
    {
        Skip.IfNot(FuseStorage.WhyNot is null, FuseStorage.WhyNot);
        (FuseFile image, string id) = await AddImageAsync();
        (FuseGate hung, Task request) = await HangAsync(call, id);

        HttpStatusCode first = await DeleteAsync(id);
        JsonObject ticket = await Daemon.GetTicketAsync(id);
        HttpStatusCode second = await DeleteAsync(id);

        Assert.Equal((HttpStatusCode.Conflict, HttpStatusCode.Conflict), (first, second));
        Assert.True(ticket["canceled"]!.GetValue<bool>());
        Assert.True(ticket["active"]!.GetValue<bool>());
        hung.Open();
        await request;
        await Eventually.HoldsAsync(
            async () => !(await Daemon.GetTicketAsync(id))["active"]!.GetValue<bool>(), "the ticket is not in use");
        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync(id));
        Assert.Equal(0, OpenFiles.Count(image.Path));
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Delete_cancels_a_checksum_that_waits_for_its_storage()
    {
        Skip.IfNot(FuseStorage.WhyNot is null, FuseStorage.WhyNot);
        (FuseFile image, string id) = await AddImageAsync();
        FuseGate hung = Fuse.When(FuseOperation.Read).Hang();
        Task<HttpResponseMessage> checksum = Daemon.Local.GetAsync($"/images/{id}/checksum");
        await hung.ReachedAsync();

        Assert.Equal(HttpStatusCode.Conflict, await DeleteAsync(id));
        hung.Open();

        using HttpResponseMessage stopped = await checksum;
        Assert.Equal(HttpStatusCode.Forbidden, stopped.StatusCode);
        await Eventually.HoldsAsync(
            async () => await DeleteAsync(id) == HttpStatusCode.NoContent, "the ticket can be removed");
        Assert.Equal(0, OpenFiles.Count(image.Path));
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("read")]
    [InlineData("write")]
    [InlineData("flush")]
    [InlineData("open")]
    public async Task Calls_that_hang_hold_up_no_other_storage_and_no_ticket_health_or_metrics(string call)
    {
        Skip.IfNot(FuseStorage.WhyNot is null, FuseStorage.WhyNot);
        var images = new List<(FuseFile File, string Id)>();
        for (int i = 0; i < 12; i++)
        {
            images.Add(await AddImageAsync());
            if (call is not "open")
            {
                (await Daemon.Local.GetAsync($"/images/{images[^1].Id}")).Dispose();
            }
        }

        FuseGate hung = Fuse.When(call switch
        {
            "read" => FuseOperation.Read,
            "write" => FuseOperation.Write,
            "flush" => FuseOperation.Fsync,
            _ => FuseOperation.Open,
        }).Hang();
        // As many connections as requests: 48, which once were enough to stop the daemon.
        Task<HttpResponseMessage>[] requests =
            [.. images.SelectMany(image => Enumerable.Range(0, 4).Select(_ => RequestAsync(call, image.Id)))];

        // Openings and flushes of an image go one at a time.
        await hung.ReachedAsync(call is "read" or "write" ? 48 : 12);

        TestImage other = await Daemon.AddImageAsync(Bytes.Random(300_000));
        byte[] received = await Daemon.Local.GetByteArrayAsync(other.Url);
        Bytes.AssertEqual(other.Content, received, "another storage's image");
        byte[] data = Bytes.Random(300_000, seed: 2);
        using HttpResponseMessage put = await Daemon.Remote.PutAsync(other.Url, new ByteArrayContent(data));
        put.EnsureSuccessStatusCode();
        Bytes.AssertEqual(data, other.Content, "what was uploaded to another storage");
        Assert.NotEmpty(await Daemon.Control.GetStringAsync("/health/live"));
        Assert.NotEmpty(await Daemon.Control.GetStringAsync("/metrics"));
        Assert.True((await Daemon.GetTicketAsync(images[0].Id))["active"]!.GetValue<bool>());
        Assert.DoesNotContain(requests, request => request.IsCompleted);

        hung.Open();
        foreach (HttpResponseMessage answer in await Task.WhenAll(requests))
        {
            answer.EnsureSuccessStatusCode();
            answer.Dispose();
        }
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("read")]
    [InlineData("open")]
    public async Task Clients_that_leave_a_storage_that_hangs_leave_no_waiting_calls_and_no_buffers_behind(string call)
    {
        Skip.IfNot(FuseStorage.WhyNot is null, FuseStorage.WhyNot);
        (FuseFile image, string id) = await AddImageAsync();
        if (call is "read")
        {
            (await Daemon.Local.GetAsync($"/images/{id}")).Dispose();
        }

        FuseGate hung = Fuse.When(call is "read" ? FuseOperation.Read : FuseOperation.Open).Hang();
        for (int round = 0; round < 3; round++)
        {
            RawClient[] clients = await Task.WhenAll(
                Enumerable.Range(0, 80).Select(_ => RawClient.ConnectAsync(Daemon.Files.LocalSocket)));
            foreach (RawClient client in clients)
            {
                await client.RequestAsync("GET", $"/images/{id}");
            }

            await hung.ReachedAsync();
            await Eventually.HoldsAsync(
                () => call is "open" || Daemon.Images.BusyThreads + Daemon.Images.WaitingCalls >= 80,
                "all requests have come");
            Array.ForEach(clients, client => client.Reset());
            await Eventually.HoldsAsync(() => Daemon.Images.WaitingCalls == 0, "the waiting calls are gone");
        }

        // Those that hang keep what they have: a share of the threads, each with a small buffer.
        Assert.InRange(Daemon.Images.BusyThreads, 1, 64);
        Assert.InRange(Daemon.Pool.SmallBytes + Daemon.Pool.RentedBytes, 0, 64L * 64 * 1024);
        hung.Open();
        await Eventually.HoldsAsync(
            () => !Daemon.Tickets.All.Single().IsActive && Daemon.Pool.SmallBytes + Daemon.Pool.RentedBytes == 0,
            "nothing is in use");
        Assert.InRange(OpenFiles.Count(image.Path), 0, 1);
    }

    private async Task<HttpResponseMessage> RequestAsync(string call, string id)
    {
        string url = $"/images/{id}";
        return call switch
        {
            "write" => await Daemon.Local.PutAsync($"{url}?flush=n", new ByteArrayContent(new byte[4096])),
            "flush" => await Daemon.Local.PatchAsync(url, new StringContent("""{"op": "flush"}""")),
            _ => await Daemon.Local.GetAsync(url),
        };
    }

    private async Task<(FuseFile Image, string Id)> AddImageAsync()
    {
        FuseFile image = Fuse.AddFile(Guid.NewGuid().ToString(), new byte[64 * 1024]);
        string id = Guid.NewGuid().ToString();
        await Daemon.InstallAsync(TicketBody.For(id, image.Path, 64 * 1024));
        return (image, id);
    }

    // A request that hangs in the call, or whose connection's end does.
    private async Task<(FuseGate Hung, Task Request)> HangAsync(string call, string id)
    {
        if (call is not "open")
        {
            using HttpResponseMessage opened = await Daemon.Local.GetAsync($"/images/{id}");
            opened.EnsureSuccessStatusCode();
        }

        FuseGate gate = Fuse.When(call switch
        {
            "open" => FuseOperation.Open,
            "stat" => FuseOperation.Stat,
            "extents" => FuseOperation.Seek,
            _ => FuseOperation.Close,
        }).Hang();
        Task request = call is "close"
            ? DeleteAsync(id)
            : Daemon.Local.GetAsync($"/images/{id}{(call is "extents" ? "/extents" : "")}");
        await gate.ReachedAsync();
        return (gate, request);
    }

    private async Task<HttpStatusCode> DeleteAsync(string id)
    {
        using HttpResponseMessage response = await Daemon.Control.DeleteAsync($"/tickets/{id}");
        return response.StatusCode;
    }
}
