using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Block;

internal sealed partial class BlockBackend
{
    private readonly RangeMethod _zeroRange;
    private readonly RangeMethod _zeroOut;
    private readonly RangeMethod _punchHole;

    /// <summary>Zeroes by the cheapest way that device and kernel offer.</summary>
    /// <remarks>
    /// <list type="number">
    /// <item>To give space back: punch a hole. The kernel does so only if the device promises zeroes afterwards
    /// (blkdev_fallocate in block/fops.c). After BLKDISCARD a device may return anything.</item>
    /// <item>Else zero range (kernel 4.9 and later): keeps the space, and uses the device's own command if it has
    /// one.</item>
    /// <item>Else BLKZEROOUT, the same for older kernels.</item>
    /// <item>Else false, and the operation writes zeroes.</item>
    /// </list>
    /// </remarks>
    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        // On a device that has shrunk, punching is clipped at the end and succeeds.
        if (!HoldsNow(offset + length))
        {
            throw new TransferException(
                TransferError.StorageFailed,
                $"Cannot zero {length} bytes of {_file.Path} at {offset}: {DescribeSize()}");
        }

        return ValueTask.FromResult(
            (mode == ZeroMode.Deallocate && _punchHole.TryRun(offset, length))
            || _zeroRange.TryRun(offset, length)
            || _zeroOut.TryRun(offset, length));
    }
}
