using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;

namespace ImageIO.Tests.Daemon;

/// <summary>What a storage that hangs holds up, on a real file system: nothing but requests for its own images (issue 15, B9 and B10).</summary>
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
    public async Task Delete_is_409_after_the_remove_timeout_while_a_call_hangs_and_204_when_the_file_is_closed(string call)
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
