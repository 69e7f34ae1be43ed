using System.Net;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// Bytes that a failed flush lost remain lost for all clients until one writes them again (daemon-api section 5; issue
/// 15, A2 and A3).
/// </summary>
[Collection(RunningDaemon.Collection)]
[Trait("Needs", "Root")]
public sealed class LostFlushTests : IAsyncLifetime
{
    private const int Timeout = 30_000;
    private const int Size = 65536;

    private readonly RunningDaemon _daemon;
    private readonly FuseStorage _storage = FuseStorage.Mount();
    private readonly FuseFile _file;
    private readonly byte[] _content = TestImage.Random(Size);
    private readonly List<string> _tickets = [];

    public LostFlushTests(RunningDaemon daemon)
    {
        _daemon = daemon;
        _storage.IsVolatile = true;
        _file = _storage.AddFile("image", new byte[Size]);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (string ticket in _tickets)
        {
            (await _daemon.Control.DeleteAsync($"/tickets/{ticket}")).Dispose();
        }

        _storage.Dispose();
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Bytes_that_were_only_read_to_patch_a_block_do_not_count_as_written_again()
    {
        string ticket = await InstallAsync();
        FailNextFlush();
        Assert.Equal(HttpStatusCode.InternalServerError, await PutAsync(ticket, _content, 0, "y"));

        for (int block = 0; block < Size; block += 512)
        {
            Assert.Equal(HttpStatusCode.OK, await PutAsync(ticket, [_content[block]], block, "n"));
        }

        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(ticket));
        Assert.Equal(HttpStatusCode.OK, await PutAsync(ticket, _content, 0, "y"));
        Assert.Equal(_content, _file.OnMedium);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Bytes_beside_those_that_were_lost_need_not_be_written_again()
    {
        string ticket = await InstallAsync();
        FailNextFlush();
        Assert.Equal(HttpStatusCode.InternalServerError, await PutAsync(ticket, _content[100..3000], 100, "y"));

        Assert.Equal(HttpStatusCode.OK, await PutAsync(ticket, _content[100..3000], 100, "y"));
        Assert.Equal(_content[100..3000], _file.OnMedium[100..3000]);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_failed_flush_under_one_ticket_is_told_to_all_tickets_of_the_image()
    {
        string writer = await InstallAsync();
        string other = await InstallAsync();
        Assert.Equal(HttpStatusCode.OK, await PutAsync(writer, _content, 0, "n"));
        FailNextFlush();

        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(other));
        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(writer));
        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(other));

        Assert.Equal(HttpStatusCode.OK, await PutAsync(other, _content, 0, "y"));
        Assert.Equal(HttpStatusCode.OK, await FlushAsync(writer));
        Assert.Equal(_content, _file.OnMedium);
    }

    [SkippableTheory(Timeout = Timeout)]
    [InlineData("y")]
    [InlineData("n")]
    public async Task A_failed_flush_is_remembered_when_the_client_connects_again(string flush)
    {
        string ticket = await InstallAsync();
        FailNextFlush();
        await PutAsync(ticket, _content, 0, flush);
        if (flush == "n")
        {
            Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(ticket));
        }

        await BecomesClosedAsync(ticket);
        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(ticket));
        Assert.NotEqual(_content, _file.OnMedium);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_flush_that_fails_loses_what_was_written_over_connections_that_are_closed()
    {
        string ticket = await InstallAsync();
        Assert.Equal(HttpStatusCode.OK, await PutAsync(ticket, _content, 0, "n"));
        await BecomesClosedAsync(ticket);
        FailNextFlush();

        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(ticket));
        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(ticket));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_close_that_fails_loses_what_was_not_flushed()
    {
        string ticket = await InstallAsync();
        using (HttpClient client = DaemonClients.OverUnixSocket(_daemon.Files.LocalSocket))
        {
            Assert.Equal(HttpStatusCode.OK, await PutAsync(client, ticket, _content, 0, "n"));
            // The image is closed when its last connection is, so that comes after the rule.
            _storage.When(FuseOperation.Close).Fail(Errno.EIO);
        }

        await BecomesClosedAsync(ticket);
        _storage.ForgetRules();

        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(ticket));
        Assert.Equal(HttpStatusCode.OK, await PutAsync(ticket, _content, 0, "y"));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_ticket_that_was_never_used_keeps_the_memory_of_its_image()
    {
        string ticket = await InstallAsync();
        string unused = await InstallAsync();
        FailNextFlush();
        await PutAsync(ticket, _content, 0, "y");
        await RemoveAsync(ticket);

        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(unused));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_ticket_that_replaces_another_keeps_the_memory_of_its_image()
    {
        string ticket = await InstallAsync();
        FailNextFlush();
        await PutAsync(ticket, _content, 0, "y");
        await BecomesClosedAsync(ticket);
        await InstallAsync(ticket);

        Assert.Equal(HttpStatusCode.InternalServerError, await FlushAsync(ticket));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Removing_the_last_ticket_of_an_image_forgets_what_was_lost()
    {
        string ticket = await InstallAsync();
        FailNextFlush();
        await PutAsync(ticket, _content, 0, "y");
        await RemoveAsync(ticket);

        Assert.Equal(HttpStatusCode.OK, await FlushAsync(await InstallAsync()));
    }

    private void FailNextFlush() => _storage.When(FuseOperation.Fsync).Times(1).Fail(Errno.EIO);

    private async Task<string> InstallAsync(string? id = null)
    {
        id ??= Guid.NewGuid().ToString();
        _tickets.Add(id);
        await _daemon.InstallAsync(TicketBody.For(id, _file.Path, Size));
        return id;
    }

    private async Task RemoveAsync(string ticket)
    {
        using HttpResponseMessage response = await _daemon.Control.DeleteAsync($"/tickets/{ticket}");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }

    private Task BecomesClosedAsync(string ticket) => _daemon.BecomesQuietAsync(new TestImage(ticket, _file.Path));

    // Each over a connection of its own.
    private async Task<HttpStatusCode> PutAsync(string ticket, byte[] bytes, int offset, string flush)
    {
        using HttpClient client = DaemonClients.OverUnixSocket(_daemon.Files.LocalSocket);
        return await PutAsync(client, ticket, bytes, offset, flush);
    }

    private static async Task<HttpStatusCode> PutAsync(
        HttpClient client, string ticket, byte[] bytes, int offset, string flush)
    {
        using var content = new ByteArrayContent(bytes);
        content.Headers.TryAddWithoutValidation("Content-Range", $"bytes {offset}-{offset + bytes.Length - 1}/*");
        using HttpResponseMessage response = await client.PutAsync($"/images/{ticket}?flush={flush}", content);
        return response.StatusCode;
    }

    private async Task<HttpStatusCode> FlushAsync(string ticket)
    {
        using HttpClient client = DaemonClients.OverUnixSocket(_daemon.Files.LocalSocket);
        using HttpResponseMessage response = await client.PatchAsync(
            $"/images/{ticket}", new StringContent("""{"op": "flush"}"""));
        return response.StatusCode;
    }
}
