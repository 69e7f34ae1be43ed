using System.Runtime.CompilerServices;
using ImageIO.Backends.Block.Native;
using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Block;

/// <summary>An image on a block device, read and written with direct I/O.</summary>
/// <remarks>
/// This part is data and size, the other is zeroing. The size is fixed when the device is opened. If the device shrinks
/// later, a read of the missing bytes must fail, and not return zeroes.
/// </remarks>
internal sealed partial class BlockBackend : IBackend
{
    private readonly DirectFile _file;

    public BlockBackend(DirectFile file, BlockDevice device, bool canWrite)
    {
        _file = file;
        _zeroRange = RangeMethod.ZeroRange(file);
        _zeroOut = new RangeMethod(file, "ioctl(BLKZEROOUT)", BlockIoctl.ZeroOut);
        _punchHole = RangeMethod.PunchHole(file);
        Identity = $"{file.Identity}{device.DiskName}";
        BlockSize = device.LogicalSectorSize;
        // A loop device can have any multiple of 512 bytes. Bytes behind its last whole sector cannot be addressed.
        Size = Alignment.Down(device.Size, BlockSize);
        Capabilities =
            new BackendCapabilities { CanWrite = canWrite, CanZero = canWrite, FlushCoversAllHandles = true };
    }

    public long Size { get; }

    public int BlockSize { get; }

    public string? Identity { get; }

    public BackendCapabilities Capabilities { get; }

    public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int inside = (int)Math.Clamp(Size - offset, 0, destination.Length);
        int read = _file.Read(destination.Span[..inside], offset, inside, BlockSize);
        if (read < inside)
        {
            throw new TransferException(
                TransferError.StorageFailed,
                $"pread({_file.Path}, {inside} bytes at {offset}) ended after {read} bytes; {DescribeSize()}");
        }

        destination.Span[inside..].Clear();
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        try
        {
            _file.Write(source.Span, offset, BlockSize);
            return ValueTask.CompletedTask;
        }
        catch (TransferException e) when (e.Error == TransferError.StorageFull && !HoldsNow(offset + source.Length))
        {
            // A device reports ENOSPC past its end, too, where there will never be space. Inside, a thin pool is full.
            throw new TransferException(TransferError.StorageFailed, $"{e.Message}; {DescribeSize()}", e);
        }
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        _file.Flush();
        return ValueTask.CompletedTask;
    }

    // A device does not tell which ranges are allocated, so everything is data.
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        cancellationToken.ThrowIfCancellationRequested();
        if (Size > 0)
        {
            yield return new Extent(new ByteRange(0, Size), ExtentFlags.None);
        }
    }

    public ValueTask DisposeAsync()
    {
        _file.Close();
        return ValueTask.CompletedTask;
    }

    // A device that no longer answers has no bytes.
    private bool HoldsNow(long end) => BlockIoctl.GetSize(_file.Handle, out long now) == 0 && end <= now;

    private string DescribeSize() =>
        BlockIoctl.GetSize(_file.Handle, out long now) is var errno && errno == 0
            ? $"the device had {Size} bytes when it was opened and has {now} now"
            : $"the device had {Size} bytes when it was opened and does not answer now: {PosixError.Describe(errno)}";
}
