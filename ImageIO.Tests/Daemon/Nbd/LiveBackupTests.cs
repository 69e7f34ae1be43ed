using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Daemon.Nbd;

/// <summary>
/// Backups of a disk in use, as libvirt's pull mode makes them, with qemu-storage-daemon in place of a guest's qemu
/// (nbd.md, section 8).
/// </summary>
[Trait("Needs", "Qemu")]
public sealed class LiveBackupTests : IAsyncLifetime
{
    private const int Size = 16 * 1024 * 1024;
    private const int Cluster = 65536;

    private readonly string _directory = Directory.CreateTempSubdirectory("imageio-nbd-").FullName;
    private readonly Random _random = new(8);
    private DaemonFixture _daemon = null!;

    public async Task InitializeAsync() => _daemon = await DaemonFixture.StartAsync();

    public async Task DisposeAsync()
    {
        await _daemon.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Full_and_incremental_backups_restore_the_disk_as_it_was_at_each_checkpoint()
    {
        string disk = Path.Combine(_directory, "disk.qcow2");
        await SystemTool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", disk, $"{Size}");
        await using NbdServer server = await NbdServer.QemuStorageDaemonAsync(_directory, disk);
        using QmpClient qmp = await QmpClient.ConnectAsync(server.QmpSocket);
        await qmp.ExecuteAsync(
            "block-export-add",
            "{'type': 'nbd', 'id': 'guest', 'node-name': 'disk', 'name': 'guest', 'writable': true}");
        await using IBackend guest = await NbdClient.OpenAsync(ImageUrl.Parse($"{server.Url.Text}:exportname=guest"));

        byte[] restored = new byte[Size];
        for (int checkpoint = 0; checkpoint < 3; checkpoint++)
        {
            await WriteLikeAGuestAsync(guest);
            byte[] expected = await guest.ReadAsync(0, Size);
            await StartJobAsync(qmp, checkpoint);
            await WriteLikeAGuestAsync(guest);

            int moved = await BackUpAsync(server, restored, incremental: checkpoint > 0);

            Bytes.AssertEqual(expected, restored, $"restored at checkpoint {checkpoint}");
            Assert.InRange(moved, 1, checkpoint == 0 ? Size : Size / 2);
            await EndJobAsync(qmp);
        }
    }

    // Data, zeroes over data, and a trim.
    private async Task WriteLikeAGuestAsync(IBackend guest)
    {
        for (int i = 0; i < 10; i++)
        {
            byte[] bytes = new byte[_random.Next(1, 3 * Cluster)];
            _random.NextBytes(bytes);
            await guest.WriteAsync(_random.Next(Size - bytes.Length), bytes);
        }

        await guest.ZeroAsync(_random.Next(Size / 2), 5 * Cluster, ZeroMode.Deallocate, CancellationToken.None);
        await guest.FlushAsync();
    }

    // One transaction: the job, the bitmap that the next backup starts from, and what changed since the last one.
    private async Task StartJobAsync(QmpClient qmp, int checkpoint)
    {
        string scratch = Path.Combine(_directory, $"scratch{checkpoint}.qcow2");
        await SystemTool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", scratch, $"{Size}");
        await qmp.ExecuteAsync(
            "blockdev-add",
            "{'driver': 'qcow2', 'node-name': 'scratch', 'backing': 'disk', "
            + $"'file': {{'driver': 'file', 'filename': '{scratch}'}}}}");
        var actions = new List<string>();
        if (checkpoint > 0)
        {
            actions.Add(
                "{'type': 'block-dirty-bitmap-add', 'data': {'node': 'disk', 'name': 'backup', 'disabled': true}}");
            actions.Add(
                "{'type': 'block-dirty-bitmap-merge', "
                + $"'data': {{'node': 'disk', 'target': 'backup', 'bitmaps': ['c{checkpoint - 1}']}}}}");
        }

        actions.Add($"{{'type': 'block-dirty-bitmap-add', 'data': {{'node': 'disk', 'name': 'c{checkpoint}'}}}}");
        actions.Add(
            "{'type': 'blockdev-backup', "
            + "'data': {'job-id': 'backup', 'device': 'disk', 'target': 'scratch', 'sync': 'none'}}");
        await qmp.ExecuteAsync("transaction", $"{{'actions': [{string.Join(", ", actions)}]}}");
        string bitmaps = checkpoint > 0 ? ", 'bitmaps': [{'node': 'disk', 'name': 'backup'}]" : "";
        await qmp.ExecuteAsync(
            "block-export-add",
            "{'type': 'nbd', 'id': 'backup', 'node-name': 'scratch', 'name': 'vda', "
            + $"'allocation-depth': true{bitmaps}}}");
    }

    // Like a backup program: reads dirty or allocated ranges, zeroes zero ranges, and leaves the others.
    private async Task<int> BackUpAsync(NbdServer server, byte[] restored, bool incremental)
    {
        NbdTicket ticket = await NbdTicket.InstallAsync(
            _daemon, ImageUrl.Parse($"{server.Url.Text}:exportname=vda"), Size, "read", dirty: incremental);
        int moved = 0;
        foreach (JsonNode? extent in await ticket.ExtentsAsync(incremental ? "dirty" : "zero"))
        {
            int start = extent!["start"]!.GetValue<int>();
            int length = extent["length"]!.GetValue<int>();
            if (extent["zero"]!.GetValue<bool>())
            {
                if (!incremental || extent["dirty"]!.GetValue<bool>())
                {
                    Array.Clear(restored, start, length);
                }
            }
            else if (!incremental || extent["dirty"]!.GetValue<bool>())
            {
                (await ticket.GetAsync(start, length)).CopyTo(restored, start);
                moved += length;
            }
        }

        Assert.Equal(incremental ? HttpStatusCode.OK : HttpStatusCode.NotFound, await ticket.TryExtentsAsync("dirty"));

        // The manager's next step is to end the job, and then the export shows the guest's present bytes.
        Assert.Equal(HttpStatusCode.NoContent, await ticket.DeleteAsync());
        return moved;
    }

    private static async Task EndJobAsync(QmpClient qmp)
    {
        await qmp.ExecuteAsync("block-export-del", "{'id': 'backup', 'mode': 'hard'}");
        await qmp.ExecuteAsync("job-cancel", "{'id': 'backup'}");
        await Eventually.HoldsAsync(
            async () => (await qmp.ExecuteAsync("query-jobs"))!.AsArray().Count == 0
                && (await qmp.ExecuteAsync("query-block-exports"))!.AsArray().Count == 1,
            "the job and its export are gone");
        await qmp.ExecuteAsync("blockdev-del", "{'node-name': 'scratch'}");
        JsonNode? nodes = await qmp.ExecuteAsync("query-named-block-nodes", "{'flat': true}");
        if (nodes!.ToJsonString().Contains("\"backup\"", StringComparison.Ordinal))
        {
            await qmp.ExecuteAsync("block-dirty-bitmap-remove", "{'node': 'disk', 'name': 'backup'}");
        }
    }
}
