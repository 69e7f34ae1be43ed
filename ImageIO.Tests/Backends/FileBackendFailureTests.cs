using ImageIO.Backends.File;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
using ImageIO.Tests.Support.Storage;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends;

/// <summary>
/// With any error of a system call, and with few bytes moved: the call that failed fails, with its name, and all others
/// reach their own bytes (issue 15, A1 and D22).
/// </summary>
[Trait("Needs", "Root")]
public sealed class FileBackendFailureTests : IDisposable
{
    private const int Timeout = 30_000;
    private const int Size = 262_144;

    private readonly FuseStorage _storage = FuseStorage.Mount();
    private readonly FileBackendFactory _factory = new();
    private readonly FuseFile _file;
    private readonly byte[] _content = Bytes.Random(Size);

    public FileBackendFailureTests() => _file = _storage.AddFile("image", _content);

    /// <summary>
    /// Errors of storage, those that other libraries take for something else, and those without a name here.
    /// </summary>
    public static TheoryData<int> Errors =>
    [
        (int)Errno.ENXIO,
        (int)Errno.ESPIPE, (int)Errno.EIO, (int)Errno.ESTALE, (int)Errno.EBADF, (int)Errno.EPERM, (int)Errno.ENOENT,
        (int)Errno.EROFS, (int)Errno.ETIMEDOUT, (int)Errno.EREMOTEIO, (int)Errno.ENODATA, 133 /* EHWPOISON */, 300,
    ];

    public void Dispose() => _storage.Dispose();

    [SkippableTheory(Timeout = Timeout)]
    [MemberData(nameof(Errors))]
    public async Task A_write_that_fails_is_named_and_all_others_land_where_they_belong(int errno)
    {
        await using IBackend backend = await OpenAsync();
        byte[] bytes = Bytes.Random(4096);
        _storage.When(FuseOperation.Write).Times(1).Fail((Errno)errno);

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => backend.WriteBytesAsync(bytes, 131_072));
        await backend.WriteBytesAsync(bytes, 196_608);
        await backend.WriteBytesAsync(bytes, 8192);

        AssertNames(e, errno, "pwrite", 131_072);
        Bytes.AssertEqual(
            Bytes.Written(Bytes.Written(_content, 196_608, bytes), 8192, bytes), _file.Content, "the file");
    }

    [SkippableTheory(Timeout = Timeout)]
    [MemberData(nameof(Errors))]
    public async Task A_read_that_fails_is_named_and_all_others_come_from_where_they_belong(int errno)
    {
        await using IBackend backend = await OpenAsync();
        _storage.When(FuseOperation.Read).Times(1).Fail((Errno)errno);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.ReadBytesAsync(131_072, 4096));

        AssertNames(e, errno, "pread", 131_072);
        Assert.Equal(_content[196_608..200_704], await backend.ReadBytesAsync(196_608, 4096));
        Assert.Equal(_content[8192..12_288], await backend.ReadBytesAsync(8192, 4096));
    }

    [SkippableTheory(Timeout = Timeout)]
    [MemberData(nameof(Errors))]
    public async Task A_read_that_fails_as_the_image_is_opened_does_no_harm_later(int errno)
    {
        _storage.When(FuseOperation.Read).Times(1).Fail((Errno)errno);
        await using IBackend backend = await OpenAsync();
        byte[] bytes = Bytes.Random(4096);

        await backend.WriteBytesAsync(bytes, 131_072);

        Assert.Equal(_content[196_608..200_704], await backend.ReadBytesAsync(196_608, 4096));
        Bytes.AssertEqual(Bytes.Written(_content, 131_072, bytes), _file.Content, "the file");
    }

    [SkippableTheory(Timeout = Timeout)]
    [InlineData(512)]
    [InlineData(4096)]
    [InlineData(5120)]
    [InlineData(700)]
    [InlineData(5000)]
    public async Task Calls_that_move_less_than_they_were_asked_to_are_continued(int most)
    {
        await using IBackend backend = await OpenAsync();
        _storage.When(FuseOperation.Read).Shorten(most);
        _storage.When(FuseOperation.Write).Shorten(most);
        byte[] bytes = Bytes.Random(20_480);

        Assert.Equal(_content[4096..24_576], await backend.ReadBytesAsync(4096, 20_480));
        await backend.WriteBytesAsync(bytes, 4096);

        Bytes.AssertEqual(Bytes.Written(_content, 4096, bytes), _file.Content, "the file");
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_write_that_makes_no_progress_fails()
    {
        await using IBackend backend = await OpenAsync();
        _storage.When(FuseOperation.Write).Shorten(100);

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => backend.WriteBytesAsync(new byte[4096], 4096));

        Assert.Equal(TransferError.StorageFailed, e.Error);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_read_that_ends_inside_the_file_fails()
    {
        await using IBackend backend = await OpenAsync();
        _storage.When(FuseOperation.Read).Shorten(100);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.ReadBytesAsync(4096, 4096));

        Assert.Equal(TransferError.StorageFailed, e.Error);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Interrupted_calls_are_made_again()
    {
        await using IBackend backend = await OpenAsync();
        foreach (FuseOperation operation in (FuseOperation[])[FuseOperation.Read,
            FuseOperation.Write, FuseOperation.Fsync, FuseOperation.Allocate])
        {
            _storage.When(operation).Times(2).Fail(Errno.EINTR);
        }

        Assert.Equal(_content[..4096], await backend.ReadBytesAsync(0, 4096));
        await backend.WriteBytesAsync(_content[4096..8192], 0);
        Assert.True(await backend.ZeroBytesAsync(8192, 4096, ZeroMode.Allocate));
        await backend.FlushAsync(CancellationToken.None);

        Assert.Equal(_content[4096..8192], _file.Content[..4096]);
    }

    [SkippableTheory(Timeout = Timeout)]
    [InlineData((int)Errno.ESTALE)]
    [InlineData((int)Errno.EIO)]
    [InlineData(300)]
    public async Task A_size_that_cannot_be_asked_for_is_a_failure_of_the_storage(int errno)
    {
        await using IBackend backend = await OpenAsync();
        _storage.When(FuseOperation.Stat).Fail((Errno)errno);

        TransferException e = Assert.Throws<TransferException>(() => backend.Size);
        TransferException extents = await Assert.ThrowsAsync<TransferException>(
            () => backend.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None).ToListAsync().AsTask());

        AssertNames(e, errno, "statx", null);
        AssertNames(extents, errno, "statx", null);
        _storage.ForgetRules();
        Assert.Equal(Size, backend.Size);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task An_image_whose_size_cannot_be_asked_for_is_unavailable()
    {
        _storage.When(FuseOperation.Stat, call => call.File is not null).Fail(Errno.ESTALE);

        TransferException e = await Assert.ThrowsAsync<TransferException>(OpenAsync);

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
    }

    [SkippableTheory(Timeout = Timeout)]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    public async Task Data_is_never_called_zero_because_looking_for_it_failed(int times)
    {
        await using IBackend backend = await OpenAsync();
        _storage.When(FuseOperation.Seek).Times(times).Fail(Errno.ENXIO);

        List<Extent> extents = await backend.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None).ToListAsync();

        Assert.All(extents, extent => Assert.Equal(ExtentFlags.None, extent.Flags));
        Assert.Equal(Size, extents[^1].Range.End);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_close_that_fails_is_told_once_and_leaves_no_descriptor()
    {
        IBackend backend = await OpenAsync();
        _storage.When(FuseOperation.Close).Fail(Errno.EDQUOT);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.DisposeAsync().AsTask());

        Assert.Contains("close(", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, OpenFiles.Count(_file.Path));
        await backend.DisposeAsync();
    }

    private static void AssertNames(TransferException e, int errno, string call, long? offset)
    {
        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Contains(call, e.Message, StringComparison.Ordinal);
        Assert.Contains("/image", e.Message, StringComparison.Ordinal);
        Assert.Contains(
            Enum.IsDefined((Errno)errno) ? $"{(Errno)errno}" : $"{errno}", e.Message, StringComparison.Ordinal);
        Assert.Contains(offset is null ? "" : $"at {offset}", e.Message, StringComparison.Ordinal);
    }

    private async Task<IBackend> OpenAsync() => await _factory.OpenAsync(
        ImageUrl.Parse($"file://{_file.Path}"), new ImageAccess(Write: true), CancellationToken.None);
}
