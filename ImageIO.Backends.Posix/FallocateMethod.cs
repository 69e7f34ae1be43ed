using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <summary>
/// One way to zero or allocate a range: fallocate(2) with a mode, on one open image. Once the storage has refused it,
/// it is not asked again: each step of a long zeroing would ask in vain.
/// </summary>
/// <param name="file">The image.</param>
/// <param name="mode">A combination of <c>FALLOC_FL_</c> flags.</param>
/// <param name="name">The mode in messages.</param>
internal sealed class FallocateMethod(DirectFile file, int mode, string name)
{
    private volatile bool _refused;

    /// <summary>Keep the space; reads as zeroes afterwards.</summary>
    public static FallocateMethod ZeroRange(DirectFile file) => new(file, LibC.FALLOC_FL_ZERO_RANGE, "ZERO_RANGE");

    /// <summary>Give the space back; reads as zeroes afterwards.</summary>
    public static FallocateMethod PunchHole(DirectFile file) =>
        new(file, LibC.FALLOC_FL_PUNCH_HOLE | LibC.FALLOC_FL_KEEP_SIZE, "PUNCH_HOLE");

    /// <summary>Allocate space where there is none; what is there stays.</summary>
    public static FallocateMethod Allocate(DirectFile file) => new(file, 0, "allocate");

    /// <summary>Whether the storage has refused it.</summary>
    public bool IsRefused => _refused;

    /// <summary>Does it, unless the storage does not know how; false then, and nothing was changed.</summary>
    /// <exception cref="Core.Errors.TransferException">The storage knows how, but failed.</exception>
    public bool TryRun(long offset, long length)
    {
        if (_refused)
        {
            return false;
        }

        Errno errno = LibC.Fallocate(file.Handle, mode, offset, length);
        if (errno == 0)
        {
            return true;
        }

        if (PosixError.MeansUnsupported(errno))
        {
            _refused = true;
            return false;
        }

        throw PosixError.Storage($"fallocate({file.Path}, {name}, {length} bytes at {offset})", errno);
    }
}
