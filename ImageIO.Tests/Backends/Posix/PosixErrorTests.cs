using ImageIO.Backends.Posix;
using ImageIO.Core.Errors;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends.Posix;

/// <summary>The meaning of an errno for a transfer.</summary>
public sealed class PosixErrorTests
{
    [Theory]
    [InlineData(Errno.ENOSPC, TransferError.StorageFull)]
    [InlineData(Errno.EDQUOT, TransferError.StorageFull)]
    [InlineData(Errno.EFBIG, TransferError.StorageFull)]
    [InlineData(Errno.EIO, TransferError.StorageFailed)]
    [InlineData(Errno.EINTR, TransferError.StorageFailed)]
    [InlineData(Errno.ENXIO, TransferError.StorageFailed)]
    [InlineData(Errno.EROFS, TransferError.StorageFailed)]
    [InlineData(Errno.ESTALE, TransferError.StorageFailed)]
    public void Errno_has_one_reason_and_is_named(Errno errno, TransferError expected)
    {
        TransferException e = PosixError.Storage("pwrite(/image, 512 bytes at 0)", errno);

        Assert.Equal(expected, e.Error);
        Assert.StartsWith($"pwrite(/image, 512 bytes at 0) failed: {errno} (", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(133)]
    [InlineData(300)]
    [InlineData(511)]
    public void An_error_without_a_name_is_told_by_its_number(int errno)
    {
        TransferException e = PosixError.Storage("pread(/image, 512 bytes at 0)", (Errno)errno);

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Contains($"failed: {errno} (", e.Message, StringComparison.Ordinal);
    }
}
