using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;
using Mono.Unix.Native;

namespace ImageIO.Tests.Client;

/// <summary>Downloads in qcow2: interrupted ones are resumed, and changes are written into an existing image.</summary>
[Collection(RunningDaemon.Collection)]
[Trait("Needs", "Qemu")]
public sealed class Qcow2DownloadTests(RunningDaemon daemon) : IDisposable
{
    private const int Size = 6 * 1024 * 1024;

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("")]
    [InlineData("--compress zlib")]
    public async Task Interrupted_download_in_qcow2_goes_on_and_is_verified(string compress)
    {
        QemuImg.Require();
        byte[] content = Bytes.Random(Size);
        content.AsSpan(1_000_000, 1_000_000).Fill(7);
        content.AsSpan(2_500_000, 1_000_000).Clear();
        TestImage image = await daemon.AddImageAsync(content, "read");
        string path = _directory.File("down.qcow2"), state = _directory.File("state");
        string[] arguments =
        [
            "download", $"{daemon.Process.RemoteUrl}{image.Url}", path,
            "--cafile", daemon.Files.Certificate.CertificateFile,
            "--format", "qcow2", "--resume", state, "--buffer-size", "64k", "--output", "json", .. compress.Split(
                ' ', StringSplitOptions.RemoveEmptyEntries),
        ];
        using ImageioProcess process = ImageioProcess.Start([.. arguments, "--limit-rate", "3m"]);
        await Eventually.HoldsAsync(
            () => new FileInfo($"{path}.part") is { Exists: true, Length: > 1_500_000 }
                || process.HasEnded, "some data is there");
        process.Signal(Signum.SIGTERM);
        (int interrupted, _, string interruptedErrors) = await process.EndAsync();
        (int resumed, string output, string errors) = await ImageioProcess.RunAsync(arguments);

        Assert.True(interrupted == 143, interruptedErrors);
        Assert.True(resumed == 0, errors);
        await QemuImg.CheckAsync(path);
        await QemuImg.CompareAsync("qcow2", path, "raw", _directory.Create("content.raw", content));
        Assert.InRange(
            JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!["sent"]!.GetValue<long>(), 1, Size - 1_000_000);
        // A copy that builds on an earlier run is trusted only if the checksum agrees.
        Assert.Contains("\"verifying\"", output, StringComparison.Ordinal);
        Assert.False(File.Exists(state));
        Assert.False(File.Exists($"{path}.part"));
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Changes_go_into_the_last_copy_or_a_layer_over_it(bool inPlace)
    {
        QemuImg.Require();
        string disk = _directory.File(
            "disk.qcow2"), copy = _directory.File("copy.qcow2"), layer = _directory.File("layer.qcow2");
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", disk, $"{Size}");
        await QemuImg.IoAsync(disk, "write -P 1 0 3000000");
        await QemuImg.RunAsync("convert", "-O", "qcow2", disk, copy);
        await QemuImg.RunAsync("bitmap", "--add", copy, "kept");
        await QemuImg.RunAsync("bitmap", "--add", disk, "since");
        await QemuImg.IoAsync(disk, "write -P 2 2900000 200000", "write -z 500000 300000");
        string before = await QemuImg.RunAsync("snapshot", "-l", copy);
        await using NbdServer nbd = await NbdServer.QemuNbdAsync(
            _directory.Path, "--shared=8", "--read-only", "--bitmap=since", "--format=qcow2", disk);
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, "", Size, "read").With("url", nbd.Url.Text).With("dirty", true));
        string[] target = inPlace
            ? [copy, "--in-place"]
            : [layer, "--backing-file", "copy.qcow2", "--backing-format", "qcow2"];
        string url = $"{daemon.Process.RemoteUrl}/images/{id}";
        string[] trust = ["--cafile", daemon.Files.Certificate.CertificateFile];

        (int status, string output, string errors) = await RunWithQemuAsync(
            ["download", url, .. target, "--format", "qcow2", "--incremental", "--output", "json", .. trust]);
        (int told, string extents, _) = await RunWithQemuAsync(["extents", url, "--context", "dirty", .. trust]);
        (_, string whole, string wholeErrors) = await RunWithQemuAsync(["measure", url, .. trust]);
        (int measured, string measure, string measureErrors) = await RunWithQemuAsync(
            ["measure", disk, "--bitmap", "since"]);

        Assert.True(status == 0, errors);
        await QemuImg.CheckAsync(inPlace ? copy : layer);
        await QemuImg.RunAsync("compare", "-f", "qcow2", "-F", "qcow2", "-U", disk, inPlace ? copy : layer);
        Assert.InRange(JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!["sent"]!.GetValue<long>(), 200_000, 600_000);
        Assert.Equal(before, await QemuImg.RunAsync("snapshot", "-l", copy));
        // Closed in order: a bitmap that was not saved would be of no use.
        Assert.DoesNotContain("in-use", await QemuImg.RunAsync("info", copy), StringComparison.Ordinal);
        Assert.Equal(0, told);
        Assert.Contains(
            JsonNode.Parse(extents)!.AsArray(),
            extent => extent!["dirty"]!.GetValue<bool>() && extent["zero"]!.GetValue<bool>());
        Assert.True(whole.Length > 0, wholeErrors);
        Assert.InRange(JsonNode.Parse(whole)!["required"]!.GetValue<long>(), 2_500_000, 4_000_000);
        Assert.True(measured == 0, measureErrors);
        Assert.InRange(JsonNode.Parse(measure)!["required"]!.GetValue<long>(), 200_000, 1_500_000);
    }

    [Theory(Timeout = 60_000)]
    [InlineData("--in-place", "--in-place", "--compress", "zlib")]
    [InlineData("no image", "--in-place")]
    [InlineData("--backing-file, or --in-place", "--incremental")]
    public async Task What_cannot_be_meant_is_refused(string text, params string[] options)
    {
        (int status, _, string errors) = await ImageioProcess.RunAsync(
            ["download", "https://127.0.0.1:1/images/x", _directory.File(
                "none.qcow2"), "--format", "qcow2", .. options]);

        Assert.Equal(2, status);
        Assert.Contains(text, errors, StringComparison.Ordinal);
    }

    private static async Task<(int Status, string Output, string Errors)> RunWithQemuAsync(
        IEnumerable<string> arguments)
    {
        using ImageioProcess process = ImageioProcess.StartAs(
            ImageioProcess.Executable, arguments, ("PATH", Environment.GetEnvironmentVariable("PATH")!));
        return await process.EndAsync();
    }
}
