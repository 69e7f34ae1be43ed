using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;

namespace ImageIO.Backends.File;

internal sealed partial class FileBackend
{
    private readonly RangeMethod _zeroRange;
    private readonly RangeMethod _punchHole;
    private readonly RangeMethod _allocate;

    public async ValueTask<bool> ZeroAsync(
        long offset, long length, ZeroMode mode, CancellationToken cancellationToken) =>
        await Task.Run(
            () => mode == ZeroMode.Deallocate ? ZeroSparse(offset, length) : ZeroPreallocated(offset, length),
            cancellationToken);

    // Give the space back: punch a hole, and let the file reach the end of the range.
    private bool ZeroSparse(long offset, long length)
    {
        long size = Size;
        if (offset < size && !_punchHole.TryRun(offset, length))
        {
            return false;
        }

        if (offset + length > size)
        {
            SetLength(offset + length);
        }

        return true;
    }

    // Keep the space or allocate it, by the best step that the file system has:
    // 1. zero range: unwritten extents, no data written;
    // 2. punch a hole and allocate it again;
    // 3. past the end there is nothing to punch: allocate.
    private bool ZeroPreallocated(long offset, long length) =>
        _zeroRange.TryRun(offset, length)
        || (!_allocate.IsRefused && (offset >= Size || _punchHole.TryRun(offset, length)) && _allocate.TryRun(offset, length));
}
