using System.Runtime.CompilerServices;
using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;
using Mono.Unix.Native;

namespace ImageIO.Backends.File;

internal sealed partial class FileBackend
{
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        // Holes of the file are zero extents, not holes in the sense of the API, because a raw image has no backing
        // file. If the file is written meanwhile, each extent was right when it was read, and the position only moves
        // forward.
        long size = Size;
        long position = 0;
        while (position < size)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long data = NextData(position, size);
            if (data > position)
            {
                yield return new Extent(new ByteRange(position, data), ExtentFlags.Zero);
            }

            if (data < size)
            {
                // A hole was punched here between the two calls. One block is certainly right.
                long hole = NextHole(data, size) is var found
                    && found > data ? found : Math.Min(data + BlockSize, size);
                yield return new Extent(new ByteRange(data, hole), ExtentFlags.None);
                position = hole;
            }
            else
            {
                position = size;
            }
        }
    }

    private long NextData(long position, long size) =>
        LibC.SeekData(_file.Handle, position, out long found) switch
        {
            0 => Math.Min(found, size),
            // No data behind the position, or a storage error: there must also be a hole.
            Errno.ENXIO => NextHole(position, size) == position ? size : position,
            // The file system does not support it: everything is data.
            Errno.EINVAL or Errno.EOPNOTSUPP => position,
            Errno errno => throw PosixError.Storage($"lseek({_file.Path}, SEEK_DATA from {position})", errno),
        };

    private long NextHole(long position, long size) =>
        LibC.SeekHole(_file.Handle, position, out long found) switch
        {
            0 => Math.Min(found, size),
            Errno.ENXIO or Errno.EINVAL or Errno.EOPNOTSUPP => size,
            Errno errno => throw PosixError.Storage($"lseek({_file.Path}, SEEK_HOLE from {position})", errno),
        };
}
