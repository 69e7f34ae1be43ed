using ImageIO.Backends.Posix;
using ImageIO.Core.Buffers;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.File;

/// <summary>
/// Reads and writes through the page cache where direct I/O is impossible: partial blocks. Opened on demand.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="shared">State of all its handles.</param>
/// <param name="canWrite">Whether it was opened for writing.</param>
internal sealed class CachedFile(DirectFile file, SharedFile shared, bool canWrite)
{
    // The largest page of the supported architectures is 64 KiB. Advice on more than a page does no harm.
    private const int LargestPage = 64 * 1024;

    private readonly Lock _lock = new();
    private SafeFileHandle? _handle;

    /// <summary>Writes exactly these bytes, out to the disk, where later direct I/O finds them.</summary>
    public void Write(ReadOnlySpan<byte> source, long offset)
    {
        SafeFileHandle handle = Handle();
        using SharedFile.Change change = shared.BeginCached();
        Errno errno = DirectFile.TryWrite(handle, source, offset, blockSize: 1);
        if (errno != 0)
        {
            throw PosixError.Storage(
                $"pwrite({file.Path}, {source.Length} bytes at {offset}, through the cache)", errno);
        }

        errno = LibC.WriteOut(handle, offset, source.Length);
        if (errno != 0)
        {
            throw PosixError.Storage($"sync_file_range({file.Path}, {source.Length} bytes at {offset})", errno);
        }

        Drop(handle, offset, source.Length);
    }

    /// <summary>Reads until enough bytes are there or the file ends, like <see cref="DirectFile.Read"/>.</summary>
    public int Read(Span<byte> destination, long offset, int wanted)
    {
        SafeFileHandle handle = Handle();
        Errno errno = DirectFile.TryRead(handle, destination, offset, wanted, blockSize: 1, out int count);
        Drop(handle, offset, destination.Length);
        return errno == 0
            ? count
            : throw PosixError.Storage(
                $"pread({file.Path}, {destination.Length} bytes at {offset}, through the cache)", errno);
    }

    /// <summary>Closes it if it was opened.</summary>
    public void Close() => file.Close(_handle);

    private static void Drop(SafeFileHandle handle, long offset, int length)
    {
        long start = Alignment.Down(offset, LargestPage);
        LibC.DropFromCache(handle, start, Alignment.Up(offset + length, LargestPage) - start);
    }

    private SafeFileHandle Handle()
    {
        lock (_lock)
        {
            return _handle ??= file.OpenCached(canWrite);
        }
    }
}
