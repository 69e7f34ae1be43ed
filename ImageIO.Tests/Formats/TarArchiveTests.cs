using CliWrap;
using CliWrap.Buffered;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Formats;
using ImageIO.Formats.Ova;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Formats;

/// <summary>Members of archives that tar made.</summary>
public sealed class TarArchiveTests : IDisposable
{
    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory(Timeout = 30_000)]
    [InlineData("ustar")]
    [InlineData("gnu")]
    [InlineData("pax")]
    [InlineData("v7")]
    public async Task Members_are_found_and_read_in_place(string format)
    {
        // Longer than the field for names, where the format has a way to say it.
        string longName = format is "gnu" or "pax" ? new string('n', 150) + ".qcow2" : "disk2.qcow2";
        byte[] first = Bytes.Random(1000), second = Bytes.Random(70_001, seed: 2);
        string directory = Directory.CreateDirectory(_directory.File("vm")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(directory, "vm.ovf"), first);
        await File.WriteAllBytesAsync(Path.Combine(directory, longName), second);
        await Cli.Wrap("tar").WithArguments(
            ["-C", _directory.Path, "--format", format, "-cf", _directory.File("vm.ova"), "vm"]).ExecuteBufferedAsync();

        await using IBackend archive = await FormatFiles.OpenAsync(_directory.File("vm.ova"));
        IReadOnlyList<TarMember> members = await TarArchive.ReadAsync(archive, CancellationToken.None);
        TarMember member = TarArchive.Find(members, longName);

        Assert.Equal(2, members.Count);
        Assert.Equal($"vm/{longName}", member.Name);
        Assert.Equal(70_144, member.PaddedSize);
        await using var window = new BackendWindow(
            await FormatFiles.OpenAsync(_directory.File("vm.ova")), member.Offset, member.Size);
        byte[] read = await FormatFiles.ReadAllAsync(window, 999);
        Bytes.AssertEqual(second, read, "the member");
        Assert.Equal(member.Size, (await FormatFiles.ExtentsAsync(window))[^1].Range.End);
    }

    [Fact(Timeout = 30_000)]
    public async Task Unknown_member_is_refused_and_the_text_lists_those_there_are()
    {
        await File.WriteAllBytesAsync(_directory.File("a.img"), [1]);
        await Cli.Wrap("tar")
            .WithArguments(["-C", _directory.Path, "-cf", _directory.File("x.ova"), "a.img"]).ExecuteBufferedAsync();
        await using IBackend archive = await FormatFiles.OpenAsync(_directory.File("x.ova"));
        IReadOnlyList<TarMember> members = await TarArchive.ReadAsync(archive, CancellationToken.None);

        TransferException e = Assert.Throws<TransferException>(() => TarArchive.Find(members, "b.img"));

        Assert.Contains("a.img", e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_damaged_or_cut_archive_is_refused()
    {
        await File.WriteAllBytesAsync(_directory.File("a.img"), Bytes.Random(5000));
        await Cli.Wrap("tar")
            .WithArguments(["-C", _directory.Path, "-cf", _directory.File("x.ova"), "a.img"]).ExecuteBufferedAsync();
        byte[] whole = await File.ReadAllBytesAsync(_directory.File("x.ova"));
        byte[] flipped = [.. whole];
        flipped[130] ^= 1;

        foreach (byte[] content in (byte[][])[flipped, whole[..2048], Bytes.Random(4096)])
        {
            await using IBackend archive = await FormatFiles.OpenAsync(_directory.Create("damaged", content));

            TransferException e = await Assert.ThrowsAsync<TransferException>(
                () => TarArchive.ReadAsync(archive, CancellationToken.None).AsTask());
            Assert.Equal(TransferError.ImageUnavailable, e.Error);
        }
    }
}
