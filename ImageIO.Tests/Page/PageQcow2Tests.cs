using System.Security.Cryptography;
using CliWrap;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Page;

/// <summary>qcow2 files, which the page reads itself (web.md section 4), beside what qemu-img makes of them.</summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
[Trait("Needs", "Qemu")]
public sealed class PageQcow2Tests(PageFixture fixture) : IDisposable
{
    private const int Mebibyte = 1024 * 1024;

    // All of the disk in a qcow2: its size and hash, or why there is none.
    private const string ReadAll = """
        async ({ Qcow2Source }) => {
            try {
                const source = await Qcow2Source.open(document.querySelector('input[type=file]').files[0]);
                const all = new Uint8Array(source.size);
                const memory = new ArrayBuffer(8388608);
                for (let at = 0; at < source.size; at += 8388608) {
                    const bytes = await source.read(at, Math.min(at + 8388608, source.size), memory);
                    if (bytes !== null) all.set(bytes, at);
                }
                const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', all));
                return `${source.size} ${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
            } catch (error) {
                return `${error.kind}: ${error.detail}`;
            }
        }
        """;

    private readonly ImageDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableFact(Timeout = 120_000)]
    public async Task Every_variant_holds_what_qemu_says_that_it_holds()
    {
        string raw = CreateRaw();
        (string Name, string[] Options)[] variants =
        [
            ("version 2", ["-o", "compat=0.10"]),
            ("version 3", []),
            ("smallest clusters", ["-o", "cluster_size=512"]),
            ("4 KiB clusters", ["-o", "cluster_size=4k,lazy_refcounts=on"]),
            ("largest clusters", ["-o", "cluster_size=2M"]),
            ("compressed", ["-c"]),
            ("compressed, version 2, 4 KiB", ["-c", "-o", "compat=0.10,cluster_size=4k"]),
            ("compressed, 2 MiB", ["-c", "-o", "cluster_size=2M"]),
            ("metadata", ["-o", "preallocation=metadata"]),
            ("falloc", ["-o", "preallocation=falloc"]),
            ("full", ["-o", "preallocation=full"]),
            ("subclusters", ["-o", "extended_l2=on,cluster_size=128k"]),
            ("16-bit refcounts", ["-o", "refcount_bits=16"]),
        ];
        await using PageVisit visit = await fixture.VisitAsync();
        string expected = HashOf(raw);
        var wrong = new List<string>();

        foreach ((string name, string[] options) in variants)
        {
            string file = _files.File($"{name}.qcow2");
            await QemuAsync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", .. options, raw, file]);
            string found = await ReadAsync(visit, file);
            if (found != expected)
            {
                wrong.Add($"{name}: {found}");
            }
        }

        Assert.Empty(wrong);
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("cluster_size=64k")]
    [InlineData("extended_l2=on,cluster_size=64k")]
    public async Task Written_zeroed_discarded_and_snapshot_disks_are_read_as_they_are_now(string options)
    {
        string file = _files.File("used.qcow2");
        string raw = _files.File("used.raw");
        await QemuAsync("qemu-img", ["create", "-f", "qcow2", "-o", options, file, "9000000"]);
        await QemuAsync("qemu-io", [
            "-c", "write -P 1 0 3000000",
            "-c", "write -P 2 4000000 512", "-c", "write -z 100000 70000", "-c", "write -z -u 1000000 500000",
            "-c", "discard 2000000 300000", "-c", "write -P 3 2100000 5000", "-c", "write -P 4 8990000 10000", file]);
        await QemuAsync("qemu-img", ["snapshot", "-c", "before", file]);
        await QemuAsync("qemu-io", ["-c", "write -P 5 10000 200000", "-c", "write -z 8990000 4096", file]);
        await QemuAsync("qemu-img", ["convert", "-O", "raw", file, raw]);
        await using PageVisit visit = await fixture.VisitAsync();

        Assert.Equal(HashOf(raw), await ReadAsync(visit, file));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task What_cannot_be_read_here_is_refused_with_the_reason()
    {
        string raw = CreateRaw();
        string base64 = _files.File("base.qcow2");
        await QemuAsync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, base64]);
        string[] files = [.. new[] { "zstd", "backing", "data file", "encrypted", "truncated" }.Select(name =>
            _files.File($"{name}.qcow2"))];
        await QemuAsync(
            "qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd", raw, files[0]]);
        await QemuAsync("qemu-img", ["create", "-f", "qcow2", "-b", base64, "-F", "qcow2", files[1]]);
        await QemuAsync(
            "qemu-img", ["create", "-f", "qcow2", "-o", $"data_file={_files.File("data.raw")}", files[2], "1M"]);
        await QemuAsync("qemu-img", [
            "create", "-f", "qcow2", "--object", "secret,id=s,data=x",
            "-o", "encrypt.format=aes,encrypt.key-secret=s", files[3], "1M"]);
        byte[] whole = File.ReadAllBytes(base64);
        File.WriteAllBytes(files[4], whole[..(whole.Length - Mebibyte)]);
        await using PageVisit visit = await fixture.VisitAsync();

        var reasons = new List<string>();
        foreach (string file in files)
        {
            reasons.Add(await ReadAsync(visit, file));
        }

        Assert.Equal(
            [
                "image: It is compressed by zstd, which browsers do not know",
                "image: It holds only what differs from another file, its backing file",
                "image: Its data is in another file",
                "image: It is encrypted",
                "image: It names a place behind its own end: the file is incomplete or damaged",
            ],
            reasons);
    }

    [SkippableFact(Timeout = 120_000)]
    public async Task Damaged_and_hostile_files_end_in_a_sentence_and_soon()
    {
        string raw = CreateRaw();
        string file = _files.File("sound.qcow2");
        await QemuAsync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "-c", raw, file]);
        await using PageVisit visit = await fixture.VisitAsync();
        await visit.Tab.SetInputFilesAsync("input[type=file]", file);

        string wrong = await visit.ImportAsync<string>("qcow2.js", """
            async ({ Qcow2Source }) => {
                const file = document.querySelector('input[type=file]').files[0];
                const sound = new Uint8Array(await file.arrayBuffer());
                for (let round = 0; round < 60; round++) {
                    const bytes = sound.slice();
                    const changes = [];
                    for (let i = 0; i <= round % 4; i++) {
                        // The header, then tables and data.
                        const at = Math.floor(Math.random() * (i === 0 ? 112 : 65536));
                        changes.push([at, bytes[at] ^= 1 << Math.floor(Math.random() * 8)]);
                    }
                    const cut = round % 5 === 0 ? Math.floor(Math.random() * bytes.length) : bytes.length;
                    const began = performance.now();
                    try {
                        const source = await Qcow2Source.open(new File([bytes.subarray(0, cut)], 'x'));
                        if (source.size < 64 * 1048576) {
                            for (let at = 0; at < source.size; at += 8388608) {
                                await source.read(at, Math.min(at + 8388608, source.size), new ArrayBuffer(8388608));
                            }
                        }
                    } catch (error) {
                        if (error.kind !== 'image' && error.kind !== 'file') {
                            return `${JSON.stringify(changes)} ${cut}: ${error.stack}`;
                        }
                    }
                    if (performance.now() - began > 20000) return `${JSON.stringify(changes)} ${cut}: too long`;
                }
                return '';
            }
            """);

        Assert.Equal("", wrong);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Compressed_qcow2_is_unpacked_onto_a_raw_disk_and_resumed_like_any_file()
    {
        string raw = CreateRaw();
        string file = _files.File("vm.qcow2");
        await QemuAsync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "-c", raw, file]);
        TestImage image = await fixture.AddEmptyImageAsync(new FileInfo(raw).Length);
        await using var relay = new TcpRelay(fixture.Port) { BytesPerSecond = 10 * Mebibyte };
        await using PageVisit visit = await fixture.VisitAsync(image.Id, relay.Port);

        await visit.ChooseAsync(file);
        string advice = await visit.Tab.InnerTextAsync("#advice");
        await visit.PressAsync("Upload");
        await visit.ReachPercentAsync(40, relay);
        await visit.PressAsync("Pause");
        await visit.DurableAsync(atLeast: Mebibyte);
        await visit.Tab.ReloadAsync();
        relay.BytesPerSecond = long.MaxValue;
        await visit.UploadAsync(file);
        await visit.ReachAsync("done");

        Assert.Contains("qcow2 (version 3)", advice, StringComparison.Ordinal);
        Assert.Contains("It is unpacked while it is uploaded", advice, StringComparison.Ordinal);
        await SampleFile.AssertSameAsync(raw, image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Compressed_cluster_that_is_damaged_ends_the_upload_and_is_never_called_done()
    {
        // No noise, which is kept as it is: all clusters are compressed.
        string raw = _files.Create("text.raw", Text(8 * Mebibyte));
        string file = _files.File("damaged.qcow2");
        await QemuAsync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "-c", raw, file]);
        byte[] bytes = File.ReadAllBytes(file);
        bytes.AsSpan(bytes.Length * 3 / 4, bytes.Length / 8).Clear();
        File.WriteAllBytes(file, bytes);
        TestImage image = await fixture.AddEmptyImageAsync(new FileInfo(raw).Length);
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.UploadAsync(file);
        await visit.ReachAsync("failed");

        Assert.StartsWith("The file is damaged", await visit.AlertAsync(), StringComparison.Ordinal);
    }

    private static string HashOf(string raw) =>
        $"{new FileInfo(raw).Length} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(raw)))}";

    private static async Task<string> ReadAsync(PageVisit visit, string file)
    {
        await visit.Tab.SetInputFilesAsync("input[type=file]", file);
        return await visit.ImportAsync<string>("qcow2.js", ReadAll);
    }

    private static async Task QemuAsync(string program, string[] arguments)
    {
        Skip.If(BalancerSample.Find(program) is null, $"needs {program}");
        await Cli.Wrap(program).WithArguments(arguments).ExecuteAsync();
    }

    // Compresses well, and differs from place to place.
    private static byte[] Text(int length)
    {
        byte[] text = new byte[length];
        for (int i = 0; i < text.Length; i++)
        {
            text[i] = (byte)(i % 251 * (i / 5000));
        }

        return text;
    }

    // Noise, text that compresses, holes, and an end in the middle of a cluster.
    private string CreateRaw()
    {
        string path = _files.File("disk.raw");
        using FileStream file = File.Create(path);
        byte[] text = Text(2 * Mebibyte);
        file.SetLength((20 * Mebibyte) + 512);
        RandomAccess.Write(file.SafeFileHandle, TestImage.Random(Mebibyte), 0);
        RandomAccess.Write(file.SafeFileHandle, text, (3 * Mebibyte) + 4096);
        RandomAccess.Write(file.SafeFileHandle, TestImage.Random(5 * Mebibyte), 9 * Mebibyte);
        RandomAccess.Write(file.SafeFileHandle, text.AsSpan(0, 70_000), (20 * Mebibyte) + 512 - 70_000);
        return path;
    }
}
