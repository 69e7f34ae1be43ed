using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.File;

/// <summary>An image on a regular file, read and written with direct I/O.</summary>
/// <remarks>Split by concern: this part is data and size, the others are zeroing and extents.</remarks>
internal sealed partial class FileBackend : IBackend
{
    private readonly DirectFile _file;

    // The size to report while the file is padded to a whole block (see WriteTailAsync); -1 at all other times.
    private long _sizeWhilePadded = -1;

    // Counts the beginnings and ends of padding: a length that was asked for across one of them means nothing.
    private int _paddings;

    public FileBackend(DirectFile file, int blockSize, bool canWrite)
    {
        _file = file;
        _zeroRange = RangeMethod.ZeroRange(file);
        _punchHole = RangeMethod.PunchHole(file);
        _allocate = RangeMethod.Allocate(file);
        BlockSize = blockSize;
        Capabilities = new BackendCapabilities
        {
            CanWrite = canWrite,
            CanZero = canWrite,
            CanGrow = canWrite,
            FlushCoversAllHandles = true,
            HasZeroExtents = true,
        };
    }

    public long Size
    {
        get
        {
            while (true)
            {
                int paddings = Volatile.Read(ref _paddings);
                long size = Volatile.Read(ref _sizeWhilePadded) is >= 0 and var known ? known : _file.Length;
                if (paddings == Volatile.Read(ref _paddings))
                {
                    return size;
                }
            }
        }
    }

    public int BlockSize { get; }

    public string? Identity => _file.Identity;

    public BackendCapabilities Capabilities { get; }

    public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        // Asked for before: a writer may make the file larger between our read and a later look at the size.
        long size = Size;
        int read = _file.Read(destination.Span, offset);
        if (read == destination.Length)
        {
            return ValueTask.CompletedTask;
        }

        if (offset + read < Math.Min(size, Size))
        {
            throw new TransferException(
                TransferError.StorageFailed,
                $"pread({_file.Path}, {destination.Length} bytes at {offset}) ended after {read} bytes, "
                + $"but the file has {size}");
        }

        destination.Span[read..].Clear();
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        int whole = (int)Alignment.Down(source.Length, BlockSize);
        if (whole > 0)
        {
            _file.Write(source.Span[..whole], offset);
        }

        if (whole < source.Length)
        {
            WriteTail(source.Span[whole..], offset + whole);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        _file.Flush();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _file.Dispose();
        return ValueTask.CompletedTask;
    }

    // Writes the last, partial block of the image. Direct I/O takes only whole blocks, so the block is written padded
    // and the file cut to its exact length at once. Not through the page cache: a cached page can hold up to eight
    // 512-byte blocks, and writing it back would race with direct writes of its other blocks. Nobody else writes at or
    // behind this block meanwhile (the caller's lock), so the cut takes nothing from anybody.
    private void WriteTail(ReadOnlySpan<byte> tail, long offset)
    {
        if (!_file.IsDirect)
        {
            _file.Write(tail, offset);
            return;
        }

        using AlignedBuffer padded = AlignedBuffer.Allocate(BlockSize);
        tail.CopyTo(padded.GetSpan());
        padded.GetSpan()[tail.Length..].Clear();
        long size = _file.Length;
        Volatile.Write(ref _sizeWhilePadded, size);
        Interlocked.Increment(ref _paddings);
        try
        {
            _file.Write(padded.GetSpan(), offset);
            SetLength(offset + tail.Length);
        }
        finally
        {
            Volatile.Write(ref _sizeWhilePadded, -1);
            Interlocked.Increment(ref _paddings);
        }
    }

    private void SetLength(long length)
    {
        try
        {
            RandomAccess.SetLength(_file.Handle, length);
        }
        catch (Exception e) when (PosixError.IsStorageFailure(e))
        {
            throw PosixError.Storage($"ftruncate({_file.Path}, {length})", e);
        }
    }
}
