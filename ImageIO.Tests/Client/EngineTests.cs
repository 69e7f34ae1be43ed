using System.Xml.Linq;
using ImageIO.Client;
using ImageIO.Client.Copying;
using ImageIO.Client.Engine;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Client;

/// <summary>Whole disks with an Engine: each phase, fault and race of client.md section 7.</summary>
[Collection(RunningDaemon.Collection)]
public sealed class EngineTests(RunningDaemon daemon) : IDisposable
{
    private const int Size = 2 * 1024 * 1024;

    private static readonly byte[] Image = Bytes.Random(Size);

    private readonly ImageDirectory _directory = new();
    private readonly List<DiskStep> _steps = [];

    public void Dispose() => _directory.Dispose();

    [Fact(Timeout = 30_000)]
    public async Task Upload_creates_a_disk_moves_the_image_and_finalizes()
    {
        await using EmulatedEngine engine = Engine(states: ["locked", "locked", "ok"]);

        string id = await UploadAsync(engine);

        Assert.Equal("disk-1", id);
        Assert.Equal(Image, await File.ReadAllBytesAsync(engine.ImageFile));
        Assert.Equal([DiskStep.CreatingDisk, DiskStep.CreatingTransfer, DiskStep.Copying, DiskStep.Finalizing], _steps);
        Assert.True(engine.IsLoggedOut);
        Assert.Equal(
            """<disk><backup>incremental</backup><content_type>data</content_type><description>for """
                + """a test</description><format>cow</format><initial_size>4194304</initial_size><name>disk</name>"""
                + """<provisioned_size>2097152</provisioned_size><sparse>true</sparse><storage_domains>"""
                + """<storage_domain><name>fast storage</name></storage_domain></storage_domains></disk>""",
            Sent(engine, "POST /disks"));
        Assert.Equal(
            """<image_transfer><direction>upload</direction><format>raw</format>"""
                + """<timeout_policy>cancel</timeout_policy><disk id="disk-1" /></image_transfer>""",
            Sent(engine, "POST /imagetransfers"));
    }

    [Fact(Timeout = 30_000)]
    public async Task Download_finds_this_host_and_finalizes()
    {
        await using EmulatedEngine engine = Engine(content: Image);
        var target = new BytesSource(new byte[Size]);
        string hardwareId = _directory.Create("vdsm.id", "HW-1\n"u8.ToArray());

        await using (var client = new EngineClient(Options(engine) with { HardwareIdFile = hardwareId }))
        {
            await DiskTransfer.DownloadAsync(
                client, "disk-1", new DiskTransferOptions(),
                (source, token) => Copier.DownloadAsync(source, target, null, null, token),
                CancellationToken.None);
        }

        Assert.Equal(Image, target.Bytes);
        Assert.Equal(
            """<image_transfer><direction>download</direction><format>raw</format><timeout_policy>cancel</"""
                + """timeout_policy><disk id="disk-1" /><host id="host-7" /></image_transfer>""",
            Sent(engine, "POST /imagetransfers"));
        Assert.Contains("POST /imagetransfers/transfer-1/finalize", engine.Log, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Disk_that_becomes_illegal_is_removed()
    {
        await using EmulatedEngine engine = Engine(states: ["locked", "illegal"]);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => UploadAsync(engine));

        Assert.Contains("illegal", e.Message, StringComparison.Ordinal);
        Assert.Contains("DELETE /disks/disk-1", engine.Log, StringComparison.Ordinal);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("finished_failure")]
    [InlineData("paused_system")]
    [InlineData("cancelled_system")]
    [InlineData("unknown")]
    [InlineData(null)]
    public async Task Transfer_that_does_not_begin_is_cancelled_and_told(string? phase)
    {
        await using EmulatedEngine engine = Engine(start: ["initializing", phase]);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => UploadAsync(engine));

        Assert.Contains(phase ?? "has gone", e.Message, StringComparison.Ordinal);
        Assert.Contains("POST /imagetransfers/transfer-1/cancel", engine.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("finalize", engine.Log, StringComparison.Ordinal);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(true, "finalizing_success", "finalizing_success", "finished_success")]
    [InlineData(true, "finalizing_success", null)]
    [InlineData(false, "finalizing_failure", "finished_failure")]
    [InlineData(false, "finished_failure")]
    [InlineData(false, "paused_system")]
    public async Task End_is_what_the_phases_say_and_the_disk_where_they_are_gone(
        bool succeeds, params string?[] phases)
    {
        await using EmulatedEngine engine = Engine(end: phases);

        Exception? e = await Record.ExceptionAsync(() => UploadAsync(engine));

        Assert.Equal(succeeds, e is null);
        Assert.Equal(succeeds, e is not TransferException { Error: TransferError.UpstreamFailed });
    }

    [Theory(Timeout = 30_000)]
    [InlineData("illegal")]
    [InlineData(null)]
    public async Task Forgotten_transfer_with_a_bad_disk_is_a_failure(string? state)
    {
        await using EmulatedEngine engine = Engine(states: ["ok", state], end: [null]);

        await Assert.ThrowsAsync<TransferException>(() => UploadAsync(engine));
    }

    [Fact(Timeout = 30_000)]
    public async Task Token_that_has_expired_is_renewed_once()
    {
        bool expired = false;
        await using EmulatedEngine engine = Engine(answer: line =>
        {
            bool now = line.EndsWith("finalize", StringComparison.Ordinal) && !expired;
            expired |= now;
            return now ? (401, "") : null;
        });

        await UploadAsync(engine);

        Assert.True(expired);
    }

    [Fact(Timeout = 30_000)]
    public async Task Fault_is_told_in_engines_words()
    {
        await using EmulatedEngine engine = Engine(answer: line => line == "POST /disks"
            ? (409, "<fault><detail>[Cannot add Virtual Disk: low disk space]</detail><reason>Operation "
                + "Failed</reason></fault>")
            : null);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => UploadAsync(engine));

        Assert.Contains(
            "Operation Failed: [Cannot add Virtual Disk: low disk space]", e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Login_that_fails_is_told_without_the_password()
    {
        await using EmulatedEngine engine = Engine();

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => UploadAsync(engine, options: options => options with { Password = "a wrong one" }));

        Assert.Equal(TransferError.Unauthorized, e.Error);
        Assert.Contains("wrong password", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("a wrong one", e.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("a wrong one", Options(engine).ToString(), StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Ticket_that_is_taken_away_cancels_the_transfer_and_the_phase_is_told()
    {
        await using EmulatedEngine engine = Engine(
            started: id => daemon.Control.DeleteAsync($"/tickets/{id}").GetAwaiter().GetResult());

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => UploadAsync(engine));

        Assert.Contains("transfer-1 is in phase transferring", e.Message, StringComparison.Ordinal);
        Assert.Contains("POST /imagetransfers/transfer-1/cancel", engine.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("finalize", engine.Log, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Interrupted_upload_is_paused_and_goes_on_with_the_same_transfer()
    {
        await using EmulatedEngine engine = Engine();
        string state = _directory.File("state");
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => UploadAsync(
            engine, copy: new CopyOptions { ResumeFile = state, BytesPerSecond = 2_000_000, BufferSize = 64 * 1024 },
            stop: stop));
        await UploadAsync(engine, copy: new CopyOptions { ResumeFile = state });

        Assert.Equal(Image, await File.ReadAllBytesAsync(engine.ImageFile));
        Assert.Single(engine.Requests, request => request.Request == "POST /disks");
        Assert.Contains("POST /imagetransfers/transfer-1/pause", engine.Log, StringComparison.Ordinal);
        Assert.Contains("POST /imagetransfers/transfer-1/resume", engine.Log, StringComparison.Ordinal);
        Assert.Contains(
            "<timeout_policy>pause</timeout_policy>", Sent(engine, "POST /imagetransfers"), StringComparison.Ordinal);
    }

    // An answer that is not waited for would leave behind what Engine has created.
    [Theory(Timeout = 30_000)]
    [InlineData("POST /disks", "DELETE /disks/disk-1")]
    [InlineData("GET /disks/disk-1", "DELETE /disks/disk-1")]
    [InlineData("POST /imagetransfers", "POST /imagetransfers/transfer-1/cancel")]
    [InlineData("GET /imagetransfers/transfer-1", "POST /imagetransfers/transfer-1/cancel")]
    [InlineData("POST /imagetransfers/transfer-1/finalize", "POST /imagetransfers/transfer-1/cancel")]
    public async Task Interruption_in_any_phase_is_undone(string during, string undo)
    {
        using var stop = new CancellationTokenSource();
        await using EmulatedEngine engine = Engine(answer: line => InterruptedDuring(line, during, stop));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => UploadAsync(engine, interrupted: stop.Token));

        Assert.Contains(undo, engine.Log, StringComparison.Ordinal);
        Assert.True(engine.IsLoggedOut);
    }

    [Fact(Timeout = 30_000)]
    public async Task Backup_that_is_interrupted_while_it_begins_is_ended()
    {
        using var stop = new CancellationTokenSource();
        await using EmulatedEngine engine = Engine(answer: line => line switch
        {
            "POST /vms/vm-1/backups" => InterruptedDuring(line, line, stop)
                ?? (201, """<backup id="backup-2"><phase>initializing</phase></backup>"""),
            "POST /vms/vm-1/backups/backup-2/finalize" => (200, "<action><status>complete</status></action>"),
            _ => null,
        });
        await using var client = new EngineClient(Options(engine));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => client.StartBackupAsync("vm-1", ["disk-1"], null, stop.Token));

        Assert.Contains("POST /vms/vm-1/backups/backup-2/finalize", engine.Log, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Upload_into_a_snapshot_makes_no_disk_and_skips_no_zeroes()
    {
        byte[] old = Bytes.Random(Size, seed: 5);
        await using EmulatedEngine engine = Engine(content: old);
        byte[] layer = [.. Image[..1_000_000], .. new byte[Size - 1_000_000]];
        await File.WriteAllBytesAsync(_directory.File("disk.raw"), layer);

        string id = await UploadAsync(engine, snapshot: "snapshot-4");

        Assert.Equal("", id);
        Assert.Equal(layer, await File.ReadAllBytesAsync(engine.ImageFile));
        Assert.Equal([DiskStep.CreatingTransfer, DiskStep.Copying, DiskStep.Finalizing], _steps);
        Assert.DoesNotContain("/disks", engine.Log, StringComparison.Ordinal);
        Assert.Contains(
            """<snapshot id="snapshot-4" />""", Sent(engine, "POST /imagetransfers"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Search_for_this_host_that_fails_leaves_no_disk()
    {
        await using EmulatedEngine engine = Engine(
            answer: line => line.StartsWith("GET /datacenters", StringComparison.Ordinal)
                ? (500, "<fault><reason>Oops</reason></fault>")
                : null);
        string hardwareId = _directory.Create("vdsm.id", "HW-1\n"u8.ToArray());

        await Assert.ThrowsAsync<TransferException>(
            () => UploadAsync(engine, options: options => options with { HardwareIdFile = hardwareId }));

        Assert.DoesNotContain("POST /disks", engine.Log, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Backup_is_begun_when_ready_downloaded_from_and_ended_when_engine_says_so()
    {
        var phases = new Queue<string>(["initializing", "starting", "ready", "finalizing", "succeeded"]);
        await using EmulatedEngine engine = Engine(content: Image, answer: line => line switch
        {
            "POST /vms/vm-1/backups" => (201, """<backup id="backup-2"><phase>initializing</phase></backup>"""),
            "GET /vms/vm-1/backups/backup-2" => (200, $"""
                <backup id="backup-2"><phase>{phases.Dequeue()}</phase>
                <to_checkpoint_id>point-3</to_checkpoint_id></backup>
                """),
            "GET /vms/vm-1/backups/backup-2/disks" => (200, """
                <disks><disk id="disk-1"><backup_mode>incremental</backup_mode></disk>
                <disk id="disk-2"><backup_mode>full</backup_mode></disk></disks>
                """),
            "POST /vms/vm-1/backups/backup-2/finalize" => (200, "<action><status>complete</status></action>"),
            _ => null,
        });
        var target = new BytesSource(new byte[Size]);
        await using var client = new EngineClient(Options(engine));

        EngineBackup backup = await client.StartBackupAsync(
            "vm-1", ["disk-1", "disk-2"], "point-2", CancellationToken.None);
        IReadOnlyDictionary<string, bool> disks = await client.GetBackupDisksAsync(
            "vm-1", backup.Id, CancellationToken.None);
        await DiskTransfer.DownloadAsync(
            client, "disk-1", new DiskTransferOptions { BackupId = backup.Id },
            (source, token) => Copier.DownloadAsync(source, target, null, null, token), CancellationToken.None);
        EngineBackup ended = await client.FinalizeBackupAsync("vm-1", backup.Id, CancellationToken.None);

        Assert.Equal(
            """<backup><from_checkpoint_id>point-2</from_checkpoint_id>"""
            + """<disks><disk id="disk-1" /><disk id="disk-2" /></disks></backup>""",
            Sent(engine, "POST /vms/vm-1/backups"));
        Assert.Equal("point-3", backup.ToCheckpointId);
        Assert.True(disks is { Count: 2 } && disks["disk-1"] && !disks["disk-2"]);
        Assert.Contains("""<backup id="backup-2" />""", Sent(engine, "POST /imagetransfers"), StringComparison.Ordinal);
        Assert.Equal(Image, target.Bytes);
        Assert.Equal("succeeded", ended.Phase);
        Assert.Empty(phases);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("failed")]
    [InlineData(null)]
    public async Task Backup_that_fails_is_told(string? phase)
    {
        await using EmulatedEngine engine = Engine(answer: line => line switch
        {
            "POST /vms/vm-1/backups" => (201, """<backup id="backup-2"><phase>initializing</phase></backup>"""),
            "GET /vms/vm-1/backups/backup-2" => phase is null
                ? (404, "<fault/>")
                : (200, $"<backup><phase>{phase}</phase></backup>"),
            _ => null,
        });
        await using var client = new EngineClient(Options(engine));

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => client.StartBackupAsync("vm-1", ["disk-1"], null, CancellationToken.None));

        Assert.Contains($"backup-2 is {phase ?? "gone"}", e.Message, StringComparison.Ordinal);
    }

    private EmulatedEngine Engine(
        IReadOnlyList<string?>? states = null,
        IReadOnlyList<string?>? start = null,
        IReadOnlyList<string?>? end = null,
        byte[]? content = null,
        Func<string, (int, string)?>? answer = null,
        Action<string>? started = null) => new(daemon)
        {
            ImageFile = daemon.Files.CreateImage(content ?? new byte[Size]),
            DiskStates = states ?? ["ok"],
            StartPhases = start ?? ["initializing", "transferring"],
            EndPhases = end ?? ["finalizing_success", "finished_success"],
            Override = answer,
            Started = started,
        };

    private EngineOptions Options(EmulatedEngine engine) => new()
    {
        Url = engine.Url,
        Username = "admin@internal",
        Password = engine.Password,
        CaFile = daemon.Files.Certificate.CertificateFile,
        PollPeriod = TimeSpan.FromMilliseconds(2),
        HardwareIdFile = _directory.File("none"),
    };

    private async Task<string> UploadAsync(
        EmulatedEngine engine,
        Func<EngineOptions, EngineOptions>? options = null,
        CopyOptions? copy = null,
        CancellationTokenSource? stop = null,
        string? snapshot = null,
        CancellationToken interrupted = default)
    {
        string file = _directory.File("disk.raw");
        if (!File.Exists(file))
        {
            await File.WriteAllBytesAsync(file, Image, CancellationToken.None);
        }

        await using ImageFile image = await ImageFile.OpenAsync(file, null, CancellationToken.None);
        EngineOptions chosen = Options(engine);
        await using var client = new EngineClient(options is null ? chosen : options(chosen));
        return await DiskTransfer.UploadAsync(
            client,
            image,
            new NewDisk
            {
                Name = "disk",
                Description = "for a test",
                StorageDomain = "fast storage",
                VirtualSize = Size,
                InitialSize = 4_194_304,
            },
            new DiskTransferOptions
            {
                Step = _steps.Add,
                SnapshotId = snapshot,
                Copy = copy
                    ?? new CopyOptions { RetryDelay = TimeSpan.FromMilliseconds(5) },
            },
            stop is null ? null : new Stopper(stop),
            stop?.Token ?? interrupted);
    }

    private static (int Status, string Body)? InterruptedDuring(
        string line, string during, CancellationTokenSource stop)
    {
        if (line == during)
        {
            stop.Cancel();
        }

        return null;
    }

    private static string Sent(EmulatedEngine engine, string line) =>
        engine.Requests.First(request => request.Request == line).Body!.ToString(SaveOptions.DisableFormatting);

    private sealed class Stopper(CancellationTokenSource stop) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value)
        {
            if (value.Transferred > Size / 4)
            {
                stop.Cancel();
            }
        }
    }
}
