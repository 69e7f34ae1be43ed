using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Client;

/// <summary><c>imageio backup start|stop</c>, against the emulated Engine (client.md section 7).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class BackupCommandTests(RunningDaemon daemon) : IDisposable
{
    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact(Timeout = 60_000)]
    public async Task Start_waits_until_disks_can_be_downloaded_and_stop_until_the_backup_has_ended()
    {
        var phases = new Queue<string>(["initializing", "ready", "finalizing", "succeeded"]);
        await using EmulatedEngine engine = Engine(line => line switch
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

        (int started, string begun, string errors) = await RunAsync(
            engine, "start", "vm-1", "disk-1", "disk-2", "--from", "point-2");
        (int stopped, string ended, string endErrors) = await RunAsync(engine, "stop", "vm-1", "backup-2");

        Assert.True((started, stopped) == (0, 0), errors + endErrors);
        Assert.Equal(
            """<backup><from_checkpoint_id>point-2</from_checkpoint_id>"""
                + """<disks><disk id="disk-1" /><disk id="disk-2" /></disks></backup>""",
            engine.Requests.First(request => request.Request == "POST /vms/vm-1/backups").Body!.ToString(
                System.Xml.Linq.SaveOptions.DisableFormatting));
        Assert.True(
            JsonNode.DeepEquals(
                JsonNode.Parse("""
                    {"id": "backup-2", "phase": "ready", "to_checkpoint_id": "point-3", "disks": [
                        {"id": "disk-1", "backup_mode": "incremental"}, {"id": "disk-2", "backup_mode": "full"}]}
                    """),
                JsonNode.Parse(begun)),
            begun);
        Assert.Equal("succeeded", JsonNode.Parse(ended)!["phase"]!.GetValue<string>());
        Assert.Empty(phases);
        Assert.True(engine.IsLoggedOut);
    }

    [Fact(Timeout = 60_000)]
    public async Task Backup_that_fails_is_told_with_its_status()
    {
        await using EmulatedEngine engine = Engine(line => line switch
        {
            "POST /vms/vm-1/backups" => (201, """<backup id="backup-2"><phase>initializing</phase></backup>"""),
            "GET /vms/vm-1/backups/backup-2" => (200, "<backup><phase>failed</phase></backup>"),
            _ => null,
        });

        (int status, string output, string errors) = await RunAsync(engine, "start", "vm-1", "disk-1");

        Assert.Equal((1, ""), (status, output));
        Assert.Contains("backup-2 is failed", errors, StringComparison.Ordinal);
        Assert.True(engine.IsLoggedOut);
    }

    private EmulatedEngine Engine(Func<string, (int Status, string Body)?> answer) =>
        new(daemon) { ImageFile = daemon.Files.CreateImage([1]), Override = answer };

    private Task<(int Status, string Output, string Errors)> RunAsync(
        EmulatedEngine engine, params IEnumerable<string> arguments) => ImageioProcess.RunAsync(
        [
            "backup", .. arguments, "--engine-url", engine.Url, "--username", "admin@internal",
            "--password-file", _directory.Create("password", "secret password"u8.ToArray()),
            "--cafile", daemon.Files.Certificate.CertificateFile,
        ]);
}
