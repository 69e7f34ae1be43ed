using System.Runtime.CompilerServices;
using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;
using Mono.Unix.Native;

namespace ImageIO.Backends.File;

internal sealed partial class FileBackend
{
    // Extents looked up in one trip to the thread pool: memory stays small, and a million extents cost few trips.
    private const int ExtentBatch = 1024;

    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long size = Size;
        long position = 0;
        while (position < size)
        {
            long start = position;
            List<Extent> batch = await Task.Run(() => LookUpExtents(start, size), cancellationToken);
            foreach (Extent extent in batch)
            {
                yield return extent;
            }

            position = batch[^1].Range.End;
        }
    }

    // Holes of the file are zero extents and never holes in the sense of the API: nothing shows through a raw image.
    // The file may be written meanwhile; each answer is true of its moment, and the position only moves forward.
    private List<Extent> LookUpExtents(long position, long size)
    {
        var batch = new List<Extent>();
        while (position < size && batch.Count < ExtentBatch)
        {
            long data = NextData(position, size);
            if (data > position)
            {
                batch.Add(new Extent(new ByteRange(position, data), ExtentFlags.Zero));
            }

            if (data < size)
            {
                long hole = NextHole(data, size);
                batch.Add(new Extent(new ByteRange(data, hole), ExtentFlags.None));
                position = hole;
            }
            else
            {
                position = size;
            }
        }

        return batch;
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
