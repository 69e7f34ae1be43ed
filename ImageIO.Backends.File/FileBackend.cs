using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using Mono.Unix.Native;

namespace ImageIO.Backends.File;

/// <summary>An image in a regular file, read and written with direct I/O.</summary>
/// <remarks>This part is data and size, the others are zeroing and extents.</remarks>
internal sealed partial class FileBackend : IBackend
{
    private readonly DirectFile _file;
    private readonly SharedFile _shared;
    private readonly CachedFile _cached;
    private Action? _closed;

    /// <param name="file">The open file. Closed with the backend.</param>
    /// <param name="blockSize">Alignment of direct I/O in bytes.</param>
    /// <param name="canWrite">Whether it was opened for writing.</param>
    /// <param name="shared">State of all handles on the file.</param>
    /// <param name="closed">Called when it is closed.</param>
    public FileBackend(DirectFile file, int blockSize, bool canWrite, SharedFile shared, Action? closed = null)
    {
        _file = file;
        _shared = shared;
        _cached = new CachedFile(file, shared, canWrite);
        _closed = closed;
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

    public long Size => _file.GetLength();

    public int BlockSize { get; }

    public string? Identity => _file.Identity;

    public string? Storage => _file.Storage;

    public BackendCapabilities Capabilities { get; }

    public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int read = Read(destination.Span, offset, destination.Length);
        if (read < destination.Length)
        {
            // The file ends here, or another writer has just extended it, and then the bytes are there now.
            int wanted = (int)Math.Clamp(Size - offset, 0, destination.Length);
            read = read < wanted ? Read(destination.Span, offset, wanted) : read;
            if (read < wanted && Size is var size && offset + read < size)
            {
                throw new TransferException(
                    TransferError.StorageFailed,
                    $"pread({_file.Path}, {destination.Length} bytes at {offset}) ended after {read} bytes, "
                    + $"but the file has {size}");
            }

            destination.Span[read..].Clear();
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        if (!_file.IsDirect)
        {
            _file.Write(source.Span, offset, blockSize: 1);
            return ValueTask.CompletedTask;
        }

        int whole = (int)Alignment.Down(source.Length, BlockSize);
        if (whole > 0)
        {
            WriteBlocks(source.Span[..whole], offset);
        }

        if (whole < source.Length)
        {
            // The last, partial block of the image. Not padded and truncated: the file would be too long for a moment,
            // and for good if
            // truncating failed or the daemon was killed.
            _cached.Write(source.Span[whole..], offset + whole);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        _file.Flush();
        return ValueTask.CompletedTask;
    }

    /// <exception cref="TransferException">The storage reported that written data may be lost (close(2)).</exception>
    public ValueTask DisposeAsync()
    {
        try
        {
            _cached.Close();
        }
        finally
        {
            Interlocked.Exchange(ref _closed, null)?.Invoke();
            _file.Close();
        }

        return ValueTask.CompletedTask;
    }

    private int Read(Span<byte> destination, long offset, int wanted)
    {
        if (IsLarge(offset, destination.Length) || !_shared.RefusesSmallBlocks)
        {
            Errno errno = DirectFile.TryRead(_file.Handle, destination, offset, wanted, CallAlignment, out int count);
            if (errno == 0)
            {
                return count;
            }

            if (!IsRefusal(errno, offset, destination.Length))
            {
                throw PosixError.Storage($"pread({_file.Path}, {destination.Length} bytes at {offset})", errno);
            }
        }

        return _cached.Read(destination, offset, wanted);
    }

    private void WriteBlocks(ReadOnlySpan<byte> source, long offset)
    {
        if (IsLarge(offset, source.Length) || !_shared.RefusesSmallBlocks)
        {
            Errno errno;
            using (_shared.BeginDirect())
            {
                errno = DirectFile.TryWrite(_file.Handle, source, offset, CallAlignment);
            }

            if (errno == 0)
            {
                return;
            }

            if (!IsRefusal(errno, offset, source.Length))
            {
                throw PosixError.Storage($"pwrite({_file.Path}, {source.Length} bytes at {offset})", errno);
            }
        }

        _cached.Write(source, offset);
    }

    private int CallAlignment => _file.IsDirect ? BlockSize : 1;

    // An open handle has a fixed block size. If it is too small for the disk, because the disk was exchanged or the
    // kernel does not
    // tell it, the page cache is used instead.
    private bool IsRefusal(Errno errno, long offset, int length)
    {
        bool isRefusal = errno == Errno.EINVAL && _file.IsDirect && !IsLarge(offset, length);
        _shared.RefusesSmallBlocks |= isRefusal;
        return isRefusal;
    }

    private static bool IsLarge(long offset, int length) =>
        Alignment.IsAligned(offset | (uint)length, FileBlockSize.Large);
}
