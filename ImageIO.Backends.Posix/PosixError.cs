using System.Runtime.InteropServices;
using ImageIO.Core.Errors;
using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <summary>Turns the errors of system calls into named failures. One place knows what an errno means to a transfer.</summary>
internal static class PosixError
{
    /// <summary>The failure of a storage call on an open image.</summary>
    /// <param name="call">The call with its arguments, as a log reader wants it: <c>pwrite(/path, 4096 bytes at 0)</c>.</param>
    /// <param name="errno">What it reported; may be a number that <see cref="Errno"/> has no name for.</param>
    public static TransferException Storage(string call, Errno errno) =>
        new(
            // EFBIG: the file system's or the process's largest file (write(2)); for a client it is a full disk too.
            errno is Errno.ENOSPC or Errno.EDQUOT or Errno.EFBIG ? TransferError.StorageFull : TransferError.StorageFailed,
            $"{call} failed: {Describe(errno)}");

    /// <summary>The failure to open an image.</summary>
    public static TransferException Unavailable(string call, Errno errno) =>
        new(TransferError.ImageUnavailable, $"{call} failed: {Describe(errno)}");

    /// <summary>Whether the storage says that it does not know this way of doing things, as opposed to failing at it.</summary>
    public static bool MeansUnsupported(Errno errno) =>
        errno is Errno.EOPNOTSUPP or Errno.ENOSYS or Errno.ENOTTY or Errno.ENODEV;

    /// <summary>The error by its name, or else its number, and what the system says of it.</summary>
    public static string Describe(Errno errno) => $"{errno} ({Marshal.GetPInvokeErrorMessage((int)errno)})";
}
