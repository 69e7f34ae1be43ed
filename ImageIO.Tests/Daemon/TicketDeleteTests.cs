using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>DELETE of tickets, and replacing them, while they are in use (daemon-api section 3).</summary>
public sealed class TicketDeleteTests(DaemonFixture daemon) : IClassFixture<DaemonFixture>
{
    [Fact(Timeout = 20_000)]
    public async Task Delete_of_an_unknown_ticket_is_204_with_a_content_length()
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.ControlSocket);

        await client.RequestAsync("DELETE", "/tickets/unknown");
        RawResponse response = await client.ReceiveAsync();

        Assert.StartsWith("HTTP/1.1 204 No Content\r\n", response.Head, StringComparison.Ordinal);
        Assert.Equal("0", response.Header("content-length"));
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Image_is_closed_when_delete_is_answered_and_idle_connections_are_refused()
    {
        TestImage image = await daemon.AddImageAsync(TestImage.Random(1000));
        using RawClient idle = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await idle.RequestAsync("GET", image.Url);
        await idle.ReceiveAsync();
        Assert.Equal(1, OpenFiles.Count(image.Path));

        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync(daemon, image.Id));

        Assert.Equal(0, OpenFiles.Count(image.Path));
        await idle.RequestAsync("GET", image.Url);
        (await idle.ReceiveAsync()).AssertIsError(403);
        await idle.AssertClosedAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Running_operation_is_409_after_the_remove_timeout_and_then_removable()
    {
        await using DaemonFixture hasty = await DaemonFixture.StartAsync("[control]\nremove_timeout = 0.1\n");
        TestImage image = await hasty.AddImageAsync(new byte[1000]);
        using RawClient client = await StalledUploadAsync(hasty, image);

        HttpStatusCode first = await DeleteAsync(hasty, image.Id);
        JsonObject canceled = await hasty.GetTicketAsync(image.Id);
        HttpStatusCode second = await DeleteAsync(hasty, image.Id);
        using RawClient late = await RawClient.ConnectAsync(hasty.Files.LocalSocket);
        await late.RequestAsync("GET", image.Url);
        RawResponse refused = await late.ReceiveAsync();
        await client.SendAsync(new byte[500]);
        RawResponse stopped = await client.ReceiveAsync();
        await Eventually.HoldsAsync(() => !hasty.Tickets.All.Single().IsActive, "the operation has stopped");

        Assert.Equal(HttpStatusCode.Conflict, first);
        Assert.Equal(HttpStatusCode.Conflict, second);
        Assert.True(canceled["canceled"]!.GetValue<bool>());
        Assert.True(canceled["active"]!.GetValue<bool>());
        refused.AssertIsError(403);
        // Its last byte came after the cancel: the request ends either way, but it never runs on.
        Assert.True(stopped.Status is 200 or 403, stopped.Head);
        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync(hasty, image.Id));
        Assert.Equal(0, OpenFiles.Count(image.Path));
        Assert.Empty(hasty.Tickets.All);
    }

    [Fact(Timeout = 60_000)]
    public async Task Running_upload_stops_after_its_buffer_and_is_not_acknowledged()
    {
        const int Size = 64 * 1024 * 1024;
        TestImage image = await daemon.AddImageAsync([]);
        await daemon.InstallAsync(TicketBody.For(image.Id, image.Path, Size));
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("PUT", image.Url, $"Content-Length: {Size}");
        await Eventually.HoldsAsync(() => daemon.Tickets.All.Any(ticket => ticket.IsActive), "the upload runs");

        Task<HttpStatusCode> deleting = DeleteAsync(daemon, image.Id);
        await Eventually.HoldsAsync(
            () =>
                deleting.IsCompleted || daemon.Tickets.All.Any(ticket => ticket.IsCanceled), "the ticket is canceled");
        try
        {
            await client.SendAsync(new byte[Size]);
        }
        catch (IOException)
        {
            // The daemon need not wait for the remaining bytes of a refused request.
        }

        Assert.Equal(HttpStatusCode.NoContent, await deleting);
        Assert.Equal(0, OpenFiles.Count(image.Path));
        Assert.InRange(new FileInfo(image.Path).Length, 0, Size / 2);
        byte[] answer = await client.ReadAsync(12);
        Assert.NotEqual("HTTP/1.1 200"u8.ToArray(), answer);
    }

    [Fact(Timeout = 20_000)]
    public async Task Remove_timeout_of_zero_answers_at_once_and_the_ticket_goes_when_unused()
    {
        await using DaemonFixture hasty = await DaemonFixture.StartAsync("[control]\nremove_timeout = 0\n");
        TestImage image = await hasty.AddImageAsync(new byte[1000]);
        using RawClient client = await StalledUploadAsync(hasty, image);

        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync(hasty, image.Id));
        JsonObject canceled = await hasty.GetTicketAsync(image.Id);
        client.Dispose();

        Assert.True(canceled["canceled"]!.GetValue<bool>());
        Assert.True(canceled["active"]!.GetValue<bool>());
        await Eventually.HoldsAsync(() => !hasty.Tickets.All.Any(), "the ticket is gone");
        Assert.Equal(0, OpenFiles.Count(image.Path));
    }

    [Fact(Timeout = 20_000)]
    public async Task Delete_without_id_cancels_what_runs_and_is_409_until_that_has_stopped()
    {
        await using DaemonFixture hasty = await DaemonFixture.StartAsync("[control]\nremove_timeout = 0.1\n");
        TestImage image = await hasty.AddImageAsync(new byte[1000]);
        RawClient client = await StalledUploadAsync(hasty, image);
        TestImage idle = await hasty.AddImageAsync(new byte[1000]);

        using HttpResponseMessage refused = await hasty.Control.DeleteAsync("/tickets/");
        JsonObject canceled = await hasty.GetTicketAsync(image.Id);
        using HttpResponseMessage gone = await hasty.Control.GetAsync($"/tickets/{idle.Id}");
        client.Dispose();
        await Eventually.HoldsAsync(
            async () => !(await hasty.GetTicketAsync(image.Id))["active"]!.GetValue<bool>(), "the upload has stopped");

        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.StartsWith(
            "Timeout cancelling transfer", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.True(canceled["canceled"]!.GetValue<bool>());
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync(hasty, ""));
        Assert.Equal("[]\n", await hasty.Control.GetStringAsync("/tickets"));
        Assert.Equal(0, OpenFiles.Count(image.Path));
    }

    [Fact(Timeout = 20_000)]
    public async Task Delete_without_id_removes_all()
    {
        await using DaemonFixture own = await DaemonFixture.StartAsync();
        await own.AddImageAsync([1]);
        await own.AddImageAsync([2]);

        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync(own, ""));

        Assert.Equal("[]\n", await own.Control.GetStringAsync("/tickets"));
    }

    [Fact(Timeout = 20_000)]
    public async Task Replaced_ticket_has_fresh_counters_and_serves_its_own_image()
    {
        TestImage image = await daemon.AddImageAsync([1, 2, 3], "read");
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("GET", image.Url);
        await client.ReceiveAsync();
        string other = daemon.Files.CreateImage([4, 5]);

        await daemon.InstallAsync(TicketBody.For(image.Id, other, 2, "read"));
        JsonObject fresh = await daemon.GetTicketAsync(image.Id);
        await client.RequestAsync("GET", image.Url);
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(0, fresh["transferred"]!.GetValue<int>());
        Assert.Equal(0, fresh["connections"]!.GetValue<int>());
        Assert.Equal([4, 5], response.Body);
        Assert.Equal(0, OpenFiles.Count(image.Path));
    }

    [Fact(Timeout = 20_000)]
    public async Task Delete_closes_the_image_that_a_replaced_ticket_left_open()
    {
        TestImage image = await daemon.AddImageAsync([1, 2, 3], "read");
        using RawClient idle = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await idle.RequestAsync("GET", image.Url);
        await idle.ReceiveAsync();
        await daemon.InstallAsync(TicketBody.For(image.Id, image.Path, 3, "read"));

        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync(daemon, image.Id));

        Assert.Equal(0, OpenFiles.Count(image.Path));
    }

    private static async Task<RawClient> StalledUploadAsync(DaemonFixture daemon, TestImage image)
    {
        RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("PUT", image.Url, "Content-Length: 1000");
        await client.SendAsync(new byte[500]);
        // Not only the opening of the image, which counts as use, too.
        await Eventually.HoldsAsync(
            () => daemon.Files.ReadLog().Contains(": write 1000 bytes", StringComparison.Ordinal)
                && daemon.Tickets.All.Single().IsActive,
            "the upload runs");
        return client;
    }

    private static async Task<HttpStatusCode> DeleteAsync(DaemonFixture daemon, string id)
    {
        using HttpResponseMessage response = await daemon.Control.DeleteAsync($"/tickets/{id}");
        return response.StatusCode;
    }
}
