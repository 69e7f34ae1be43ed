using CliWrap;
using CliWrap.Buffered;
using ImageIO.Client;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Client;

/// <summary>Images that are not plain raw or qcow2 files.</summary>
[Trait("Needs", "Qemu")]
public sealed class ForeignFormatTests : IDisposable
{
    private static readonly byte[] Content = Bytes.Random(300_000 - (300_000 % 512));

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("vmdk")]
    [InlineData("vdi")]
    [InlineData("vhdx")]
    public async Task Format_that_only_qemu_reads_is_read_through_a_server_that_ends_with_it(string format)
    {
        QemuImg.Require();
        string image = await ConvertAsync(format);
        string before = string.Join(' ', Directory.GetDirectories(Path.GetTempPath(), "imageio-*"));

        byte[] content;
        await using (ImageFile file = await ImageFile.OpenAsync(image, null, CancellationToken.None))
        {
            Assert.Equal(format, file.Format);
            content = await file.ReadAsync(0, Content.Length, CancellationToken.None);
        }

        Bytes.AssertEqual(Content, content, format);
        Assert.DoesNotContain(
            Directory.GetDirectories(Path.GetTempPath(), "imageio-*"),
            directory =>
                !before.Contains(directory, StringComparison.Ordinal) && File.Exists(Path.Combine(directory, "sock")));
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("qcow2")]
    [InlineData("vmdk")]
    public async Task Member_of_an_ova_is_read_in_place(string format)
    {
        QemuImg.Require();
        string image = await ConvertAsync(format);
        // A member whose size is no multiple of 512, which qemu refuses unless it is rounded up.
        await File.AppendAllTextAsync(image, "x");
        await Cli.Wrap("tar").WithArguments(
            ["-C", _directory.Path, "-cf", _directory.File("vm.ova"), Path.GetFileName(image)])
            .ExecuteBufferedAsync();

        await using ImageFile file = await ImageFile.OpenAsync(
            _directory.File("vm.ova"),
            new ImageFileOptions { Member = Path.GetFileName(image) }, CancellationToken.None);

        Assert.Equal(format, file.Format);
        byte[] content = await file.ReadAsync(0, Content.Length, CancellationToken.None);
        Bytes.AssertEqual(Content, content, format);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task What_qemu_says_of_a_damaged_image_is_told()
    {
        QemuImg.Require();
        string image = await ConvertAsync("vhdx");
        byte[] damaged = await File.ReadAllBytesAsync(image);
        damaged.AsSpan(64 * 1024, 1024 * 1024).Fill(0xff);
        await File.WriteAllBytesAsync(image, damaged);

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => ImageFile.OpenAsync(image, null, CancellationToken.None));

        Assert.Contains("qemu-nbd", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("ended with 0", e.Message, StringComparison.Ordinal);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(new byte[] { 0x1f, 0x8b, 8, 0 }, "gzip --decompress")]
    [InlineData(new byte[] { 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0 }, "xz --decompress")]
    [InlineData(new byte[] { 0x28, 0xb5, 0x2f, 0xfd }, "zstd --decompress")]
    public async Task Packed_file_is_refused_with_the_command_that_unpacks_it(byte[] start, string command)
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => ImageFile.OpenAsync(_directory.Create("packed", start), null, CancellationToken.None));

        Assert.Equal(TransferError.NotSupported, e.Error);
        Assert.Contains(command, e.Message, StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Backing_file_that_is_no_plain_path_is_not_followed()
    {
        QemuImg.Require();
        string image = _directory.File("top.qcow2");
        await QemuImg.RunAsync(
            "create", "-q",
            "-u", "-f", "qcow2", "-b", """json:{"driver":"file","filename":"/etc/shadow"}""", "-F", "raw", image, "1M");

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => ImageFile.OpenAsync(image, null, CancellationToken.None));

        Assert.Equal(TransferError.NotSupported, e.Error);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Backing_file_that_is_no_plain_path_is_followed_when_the_format_is_said()
    {
        QemuImg.Require();
        string lower = _directory.Create("base.raw", Content);
        string image = _directory.File("top.qcow2");
        string name = $$$"""json:{"driver":"raw","file":{"driver":"file","filename":"{{{lower}}}"}}""";
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", "-b", name, "-F", "raw", image);

        await using ImageFile file = await ImageFile.OpenAsync(
            image, new ImageFileOptions { Format = "qcow2" }, CancellationToken.None);

        byte[] content = await file.ReadAsync(0, Content.Length, CancellationToken.None);
        Bytes.AssertEqual(Content, content, "the chain");
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Backing_file_that_only_qemu_reads_is_read_through_it()
    {
        QemuImg.Require();
        string lower = await ConvertAsync("vdi");
        string image = _directory.File("top.qcow2");
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", "-b", Path.GetFileName(lower), "-F", "vdi", image);

        await using ImageFile file = await ImageFile.OpenAsync(image, null, CancellationToken.None);

        byte[] content = await file.ReadAsync(0, Content.Length, CancellationToken.None);
        Bytes.AssertEqual(Content, content, "the chain");
    }

    [Fact(Timeout = 30_000)]
    public async Task Description_that_names_a_data_file_is_not_followed_unless_its_format_is_said()
    {
        string image = _directory.Create(
            "disk.vmdk", "# Disk DescriptorFile\nRW 1 FLAT \"/etc/shadow\" 0\n"u8.ToArray());

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => ImageFile.OpenAsync(image, null, CancellationToken.None));

        Assert.Equal(TransferError.NotSupported, e.Error);
        Assert.Contains("--source-format", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Chain_of_backing_files_that_leads_to_itself_is_refused()
    {
        QemuImg.Require();
        string image = _directory.File("loop.qcow2");
        await QemuImg.RunAsync("create", "-q", "-u", "-f", "qcow2", "-b", "loop.qcow2", "-F", "qcow2", image, "1M");

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => ImageFile.OpenAsync(image, null, CancellationToken.None));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains("chain", e.Message, StringComparison.Ordinal);
    }

    private async Task<string> ConvertAsync(string format)
    {
        string raw = _directory.Create("disk.raw", Content);
        string image = _directory.File($"disk.{format}");
        await QemuImg.RunAsync("convert", "-f", "raw", "-O", format, raw, image);
        return image;
    }
}
