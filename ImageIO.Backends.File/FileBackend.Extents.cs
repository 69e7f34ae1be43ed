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
        // Holes of the file are zero extents and never holes in the sense of the API: nothing shows through a raw image.
        // The file may be written meanwhile; each answer is true of its moment, and the position only moves forward.
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
                long hole = NextHole(data, size);
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
            Errno.ENXIO => size,
            // A file system that does not know: everything is data.
            Errno.EINVAL or Errno.EOPNOTSUPP => position,
            Errno errno => throw PosixError.Storage($"lseek({_file.Path}, SEEK_DATA from {position})", errno),
        };

    private long NextHole(long data, long size) =>
        LibC.SeekHole(_file.Handle, data, out long found) switch
        {
            // Written to or punched between the two calls: take the smallest step that is certainly true.
            0 => found > data ? Math.Min(found, size) : Math.Min(data + BlockSize, size),
            Errno.ENXIO or Errno.EINVAL or Errno.EOPNOTSUPP => size,
            Errno errno => throw PosixError.Storage($"lseek({_file.Path}, SEEK_HOLE from {data})", errno),
        };
}
