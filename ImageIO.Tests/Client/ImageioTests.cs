using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Client;

/// <summary>The command <c>imageio</c> as people and scripts use it: without qemu, against the real daemon.</summary>
[Collection(RunningDaemon.Collection)]
public sealed class ImageioTests(RunningDaemon daemon) : IDisposable
{
    private const int Size = 6 * 1024 * 1024;

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [SkippableFact(Timeout = 60_000)]
    [Trait("Needs", "Qemu")]
    public async Task Qcow2_goes_up_without_qemu_and_comes_down_raw_and_packed()
    {
        QemuImg.Require();
        byte[] content = Sparse();
        string raw = _directory.Create("disk.raw", content);
        await QemuImg.RunAsync("convert", "-c", "-f", "raw", "-O", "qcow2", raw, _directory.File("disk.qcow2"));
        TestImage image = await AddAsync([]);

        (int up, string progress, string errors) = await RunAsync(
            "upload", _directory.File("disk.qcow2"), Url(image), "--verify", "--output", "json");
        (int down, _, _) = await RunAsync("download", Url(image), _directory.File("down.raw"), "--verify");
        (int packed, _, string packedErrors) = await RunAsync(
            "download",
            Url(image), _directory.File("down.qcow2"), "--format", "qcow2", "--compress", "zlib", "--output", "json");

        Assert.True((up, down, packed) == (0, 0, 0), errors + packedErrors);
        Bytes.AssertEqual(content, image.Content, "the upload");
        byte[] downloaded = await File.ReadAllBytesAsync(_directory.File("down.raw"));
        Bytes.AssertEqual(content, downloaded, "the download");
        await QemuImg.CheckAsync(_directory.File("down.qcow2"));
        await QemuImg.CompareAsync("qcow2", _directory.File("down.qcow2"), "raw", raw);
        AssertProgress(progress, "inspecting image", "uploading image", "verifying", "upload completed");
        Assert.False(File.Exists(_directory.File("down.raw.part")));
    }

    [Theory(Timeout = 60_000)]
    [InlineData(2, "upload", "FILE", "ftp://x/y")]
    [InlineData(2, "upload")]
    [InlineData(2, "upload", "FILE", "URL", "--max-workers", "9")]
    [InlineData(2, "download", "URL", "FILE")]
    [InlineData(4, "upload", "FILE", "UNKNOWN")]
    [InlineData(6, "upload", "FILE", "https://127.0.0.1:1/images/x")]
    [InlineData(1, "upload", "NOFILE", "URL")]
    public async Task Exit_status_tells_what_was_wrong(int status, params string[] arguments)
    {
        string file = _directory.Create("file", new byte[1000]);
        TestImage image = await AddAsync(new byte[1000]);
        string[] real =
        [
            .. arguments.Select(argument => argument switch
            {
                "FILE" => file,
                "NOFILE" => _directory.File("none"),
                "URL" => Url(image),
                "UNKNOWN" => $"{daemon.Process.RemoteUrl}/images/unknown-secret",
                _ => argument,
            }),
        ];

        (int actual, string output, string errors) = await RunAsync(real);

        Assert.True(status == actual, $"{actual}: {errors}");
        Assert.DoesNotContain("unknown-secret", output + errors, StringComparison.Ordinal);
        Assert.DoesNotContain(image.Id, output + errors, StringComparison.Ordinal);
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(Signum.SIGINT, 130)]
    [InlineData(Signum.SIGTERM, 143)]
    public async Task Signal_ends_a_download_soon_and_leaves_no_file(Signum signal, int status)
    {
        // As shells do for what they start in the background; children inherit it.
        Skip.If(signal == Signum.SIGINT && ImageioProcess.IgnoresInterrupts, "SIGINT is ignored here");
        TestImage image = await daemon.AddImageAsync(Bytes.Random(Size), "read");
        using ImageioProcess process = ImageioProcess.Start(
            ["download", Url(image), _directory.File("down.raw"),
                "--cafile", daemon.Files.Certificate.CertificateFile, "--limit-rate", "100k"]);
        await Eventually.HoldsAsync(() => File.Exists(_directory.File("down.raw.part")), "the download has begun");

        long sent = TimeProvider.System.GetTimestamp();
        process.Signal(signal);
        (int actual, _, string errors) = await process.EndAsync();

        Assert.True(status == actual, $"{actual}: {errors}");
        Assert.InRange(TimeProvider.System.GetElapsedTime(sent).TotalSeconds, 0, 10);
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }

    [Fact(Timeout = 60_000)]
    public async Task Interrupted_upload_goes_on_when_it_is_run_again()
    {
        byte[] content = Bytes.Random(Size);
        string file = _directory.Create("disk.raw", content);
        string state = _directory.File("state");
        TestImage image = await AddAsync(new byte[Size]);
        string[] arguments =
        [
            "upload", file, Url(image), "--resume", state, "--cafile", daemon.Files.Certificate.CertificateFile,
            "--buffer-size", "64k", "--max-workers", "1", "--output", "json",
        ];
        using ImageioProcess process = ImageioProcess.Start([.. arguments, "--limit-rate", "3m"]);
        await Eventually.HoldsAsync(
            () => image.Content.AsSpan(0, 1_000_000).SequenceEqual(content.AsSpan(0, 1_000_000)), "some data is there");
        process.Signal(Signum.SIGTERM);
        (int interrupted, _, _) = await process.EndAsync();
        bool wasSaved = File.Exists(state);
        (int resumed, string output, string errors) = await ImageioProcess.RunAsync([.. arguments, "--verify"]);

        Assert.Equal(143, interrupted);
        Assert.True(wasSaved);
        Assert.True(resumed == 0, errors);
        Bytes.AssertEqual(content, image.Content, "the image");
        long sent = JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!["sent"]!.GetValue<long>();
        Assert.InRange(sent, 1, Size - 500_000);
    }

    [SkippableFact(Timeout = 60_000)]
    [Trait("Needs", "Root")]
    public async Task Full_disk_is_told_and_the_file_removed()
    {
        TestImage image = await daemon.AddImageAsync(Bytes.Random(Size), "read");
        await using LoopFileSystem small = await LoopFileSystem.CreateAsync(mebibytes: 4);

        (int status, _, string errors) = await RunAsync("download", Url(image), Path.Combine(small.Path, "down.raw"));

        Assert.True(status == 5, $"{status}: {errors}");
        Assert.Empty(Directory.GetFiles(small.Path));
    }

    [SkippableFact(Timeout = 60_000)]
    [Trait("Needs", "Qemu")]
    public async Task Inspection_tells_in_json_what_qemu_tells()
    {
        QemuImg.Require();
        string file = _directory.File("disk.qcow2");
        _directory.Create("base.raw", Bytes.Random(100_000));
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", file, "1M");
        await QemuImg.RunAsync("bitmap", "--add", file, "daily");

        (int status, string info, string errors) = await RunPlainAsync("info", file);
        (_, string extents, _) = await RunPlainAsync("extents", file, "--no-backing-chain");

        Assert.True(status == 0, errors);
        JsonNode json = JsonNode.Parse(info)!;
        Assert.Equal("qcow2", json["format"]!.GetValue<string>());
        Assert.Equal(1024 * 1024, json["virtual_size"]!.GetValue<long>());
        Assert.Equal("base.raw", json["backing_file"]!.GetValue<string>());
        Assert.Equal("raw", json["backing_format"]!.GetValue<string>());
        Assert.Equal(65536, json["cluster_size"]!.GetValue<int>());
        Assert.Equal("""[{"name":"daily","granularity":65536}]""", json["bitmaps"]!.ToJsonString());
        Assert.Null(json["member"]);
        Assert.Equal("""[{"start":0,"length":1048576,"zero":true,"hole":true}]""" + "\n", extents);
    }

    private static byte[] Sparse()
    {
        byte[] content = Bytes.Random(Size);
        content.AsSpan(1_000_000, 3_000_000).Clear();
        return content;
    }

    // Each line is an object with these keys; phases come in this order.
    private static void AssertProgress(string output, params string[] phases)
    {
        JsonNode[] lines = [.. output.TrimEnd().Split('\n').Select(line => JsonNode.Parse(line)!)];
        Assert.All(lines, line => Assert.True(
            line["transferred"] is not null
                && line["elapsed"] is not null && line["description"] is not null && line["sent"] is not null));
        var seen = new List<string>();
        foreach (string phase in lines.Select(line => line["description"]!.GetValue<string>()))
        {
            if (seen.Count == 0 || seen[^1] != phase)
            {
                seen.Add(phase);
            }
        }

        Assert.Equal(phases, seen);
        Assert.Equal(Size, lines[^1]["transferred"]!.GetValue<long>());
        Assert.Equal(Size, lines[^1]["size"]!.GetValue<long>());
    }

    private Task<(int Status, string Output, string Errors)> RunAsync(params string[] arguments) =>
        ImageioProcess.RunAsync([.. arguments, "--cafile", daemon.Files.Certificate.CertificateFile]);

    private static Task<(int Status, string Output, string Errors)> RunPlainAsync(params string[] arguments) =>
        ImageioProcess.RunAsync(arguments);

    private string Url(TestImage image) => $"{daemon.Process.RemoteUrl}{image.Url}";

    private async Task<TestImage> AddAsync(byte[] content)
    {
        TestImage image = await daemon.AddImageAsync(content);
        await daemon.InstallAsync(TicketBody.For(image.Id, image.Path, Math.Max(
            content.Length, content.Length == 0 ? Size : 0), "write").With("sparse", true));
        return image;
    }
}
