using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <summary>
/// One way to zero or allocate a range of an open image without sending data. Not tried again once the storage has
/// refused it.
/// </summary>
/// <param name="file">The image.</param>
/// <param name="name">The call in messages, like <c>fallocate(PUNCH_HOLE)</c>.</param>
/// <param name="call">The system call on offset and length; 0 is success.</param>
internal sealed class RangeMethod(DirectFile file, string name, Func<SafeFileHandle, long, long, Errno> call)
{
    private volatile bool _refused;

    /// <summary>Keeps the space. Reads as zeroes afterwards.</summary>
    public static RangeMethod ZeroRange(DirectFile file) => Fallocate(file, LibC.FALLOC_FL_ZERO_RANGE, "ZERO_RANGE");

    /// <summary>Gives the space back. Reads as zeroes afterwards.</summary>
    public static RangeMethod PunchHole(DirectFile file) =>
        Fallocate(file, LibC.FALLOC_FL_PUNCH_HOLE | LibC.FALLOC_FL_KEEP_SIZE, "PUNCH_HOLE");

    /// <summary>Allocates space where there is none, and keeps existing data. A file may grow, but never
    /// shrinks.</summary>
    public static RangeMethod Allocate(DirectFile file) => Fallocate(file, 0, "allocate");

    /// <summary>Whether the storage has refused it.</summary>
    public bool IsRefused => _refused;

    /// <summary>Runs it. False if the storage does not support it; nothing was changed then.</summary>
    /// <exception cref="Core.Errors.TransferException">The storage supports it, but failed.</exception>
    public bool TryRun(long offset, long length)
    {
        if (_refused)
        {
            return false;
        }

        Errno errno = call(file.Handle, offset, length);
        if (errno == 0)
        {
            return true;
        }

        if (PosixError.MeansUnsupported(errno))
        {
            _refused = true;
            return false;
        }

        throw PosixError.Storage($"{name} of {file.Path}, {length} bytes at {offset},", errno);
    }

    private static RangeMethod Fallocate(DirectFile file, int mode, string modeName) =>
        new(file, $"fallocate({modeName})", (handle, offset, length) => LibC.Fallocate(handle, mode, offset, length));
}
