using ImageIO.Backends.Posix;
using ImageIO.Core.Errors;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends.Posix;

/// <summary>What an errno means to a transfer.</summary>
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
    public void Errno_has_one_reason_also_through_an_exception_of_the_runtime(Errno errno, TransferError expected)
    {
        int raw = NativeConvert.FromErrno(errno);

        Assert.Equal(expected, PosixError.Storage("pwrite(/image, 512 bytes at 0)", errno).Error);
        TransferException carried = PosixError.Storage("pwrite(/image, 512 bytes at 0)", new IOException("failed", raw));
        Assert.Equal(expected, carried.Error);
        Assert.Contains(errno.ToString(), carried.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_runtime_says_in_other_types_has_a_reason_too()
    {
        Assert.Equal(TransferError.StorageFailed, PosixError.Storage("call", new UnauthorizedAccessException()).Error);
        Assert.Equal(TransferError.StorageFull, PosixError.Storage("call", new ArgumentOutOfRangeException()).Error);
        Assert.Equal(TransferError.StorageFailed, PosixError.Storage("call", new IOException("no errno")).Error);
    }
}
