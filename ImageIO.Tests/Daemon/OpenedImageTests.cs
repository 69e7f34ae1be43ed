using System.Globalization;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// The files that the daemon's process has open for a ticket, and for how long (daemon-api section 5).
/// </summary>
[Collection(RunningDaemon.Collection)]
public sealed class OpenedImageTests(RunningDaemon daemon)
{
    [Theory(Timeout = 20_000)]
    [InlineData("read", OpenFlags.O_RDONLY)]
    [InlineData("write", OpenFlags.O_RDWR)]
    public async Task Ticket_for_reading_opens_the_image_for_reading_only(string op, OpenFlags expected)
    {
        TestImage image = await daemon.AddImageAsync(new byte[4096], op);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("GET", image.Url);
        Assert.Equal(200, (await client.ReceiveAsync()).Status);

        // The access mode is in the lowest two bits of the octal flags (proc_pid_fdinfo(5), open(2)).
        string descriptor = Directory.GetFiles($"/proc/{daemon.Process.Id}/fd").Single(
            link => new FileInfo(link).LinkTarget == image.Path);
        string flags = File.ReadLines(descriptor.Replace("/fd/", "/fdinfo/", StringComparison.Ordinal))
            .Single(line => line.StartsWith("flags:", StringComparison.Ordinal))[6..].Trim();

        Assert.Equal(expected, (OpenFlags)(int.Parse(flags[^1..], CultureInfo.InvariantCulture) & 3));
    }

    [Fact(Timeout = 20_000)]
    public async Task Nothing_is_remembered_of_an_image_once_its_last_connection_has_gone()
    {
        TestImage image = await daemon.AddImageAsync([1, 2, 3]);
        string other = daemon.Files.CreateImage([4, 5]);
        using (RawClient first = await RawClient.ConnectAsync(daemon.Files.LocalSocket))
        {
            await first.RequestAsync("GET", image.Url);
            Assert.Equal([1, 2, 3], (await first.ReceiveAsync()).Body);
            Assert.Equal(1, daemon.OpenFilesOf(image.Path));
        }

        await daemon.BecomesQuietAsync(image);
        File.Move(other, image.Path, overwrite: true);

        Assert.Equal([4, 5], await daemon.Local.GetByteArrayAsync(image.Url));
        Assert.Equal("[{\"start\":0,\"length\":2,\"zero\":false,\"hole\":false}]\n", await daemon.Local.GetStringAsync(
            $"{image.Url}/extents"));
    }

    [Fact(Timeout = 20_000)]
    public async Task Image_is_opened_once_for_all_connections_and_by_no_ticket_request()
    {
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        await daemon.GetTicketAsync(image.Id);
        Assert.Equal(0, daemon.OpenFilesOf(image.Path));
        using RawClient local = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        using RawClient remote = await RawClient.ConnectTlsAsync(daemon);
        foreach (RawClient client in (RawClient[])[local, remote])
        {
            await client.RequestAsync("OPTIONS", image.Url);
            Assert.Equal(200, (await client.ReceiveAsync()).Status);
        }

        Assert.Equal(1, daemon.OpenFilesOf(image.Path));
        local.Dispose();
        remote.Dispose();
        await daemon.BecomesQuietAsync(image);
    }

    [Fact(Timeout = 20_000)]
    public async Task Image_is_closed_in_the_daemons_process_when_delete_is_answered()
    {
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        using RawClient idle = await RawClient.ConnectTlsAsync(daemon);
        await idle.RequestAsync("GET", image.Url);
        await idle.ReceiveAsync();
        Assert.Equal(1, daemon.OpenFilesOf(image.Path));

        using HttpResponseMessage removed = await daemon.Control.DeleteAsync($"/tickets/{image.Id}");

        Assert.Equal(0, daemon.OpenFilesOf(image.Path));
        Assert.Equal(System.Net.HttpStatusCode.NoContent, removed.StatusCode);
        await idle.RequestAsync("GET", image.Url);
        (await idle.ReceiveAsync()).AssertIsError(403);
        await idle.AssertClosedAsync();
    }
}
