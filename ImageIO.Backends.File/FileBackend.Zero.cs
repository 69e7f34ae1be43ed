using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;

namespace ImageIO.Backends.File;

internal sealed partial class FileBackend
{
    private readonly RangeMethod _zeroRange;
    private readonly RangeMethod _punchHole;
    private readonly RangeMethod _allocate;

    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        using SharedFile.Change change = _shared.BeginDirect();
        return ValueTask.FromResult(
            mode == ZeroMode.Deallocate ? ZeroSparse(offset, length) : ZeroPreallocated(offset, length));
    }

    // Gives the space back: punch a hole, and extend the file to the end of the range. Not by ftruncate(2), which could
    // cut off bytes that another process or another name of the file appends meanwhile. Allocating the last byte only
    // extends the file, and a second hole gives its block back. The first hole comes before, so that a full file system
    // has that block.
    private bool ZeroSparse(long offset, long length)
    {
        long size = Size;
        if (_punchHole.IsRefused || (offset < size && !_punchHole.TryRun(offset, length)))
        {
            return false;
        }

        long end = offset + length;
        return end <= size || (_allocate.TryRun(end - 1, 1) && _punchHole.TryRun(offset, length));
    }

    // Keeps or allocates the space, in the cheapest way that the file system supports:
    // 1. zero range: unwritten extents, no data written;
    // 2. punch a hole and allocate it again;
    // 3. past the end, allocate.
    private bool ZeroPreallocated(long offset, long length) =>
        _zeroRange.TryRun(offset, length)
        || (!_allocate.IsRefused
            && (offset >= Size || _punchHole.TryRun(offset, length)) && _allocate.TryRun(offset, length));
}
