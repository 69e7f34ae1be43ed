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
        return ValueTask.FromResult(mode == ZeroMode.Deallocate ? ZeroSparse(offset, length) : ZeroPreallocated(offset, length));
    }

    // Give the space back: punch a hole, and let the file reach the end of the range. Not by ftruncate(2), which would
    // cut off what a writer behind the range has added meanwhile, from another process or by another name of the file:
    // to allocate the last byte makes a file longer, never shorter, and a second hole takes its block back. The first
    // comes before that, so that a full file system has the block.
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

    // Keep the space or allocate it, by the best step that the file system has:
    // 1. zero range: unwritten extents, no data written;
    // 2. punch a hole and allocate it again;
    // 3. past the end there is nothing to punch: allocate.
    private bool ZeroPreallocated(long offset, long length) =>
        _zeroRange.TryRun(offset, length)
        || (!_allocate.IsRefused && (offset >= Size || _punchHole.TryRun(offset, length)) && _allocate.TryRun(offset, length));
}
