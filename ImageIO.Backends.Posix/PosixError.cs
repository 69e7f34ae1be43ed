using System.Runtime.InteropServices;
using ImageIO.Core.Errors;
using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <summary>Turns errors of system calls into named failures. The only place that interprets an errno.</summary>
internal static class PosixError
{
    /// <summary>The failure of a storage call on an open image.</summary>
    /// <param name="call">The call with its arguments, for a reader of the log: <c>pwrite(/path, 4096 bytes at
    /// 0)</c>.</param>
    /// <param name="errno">The error. May be a number without a name in <see cref="Errno"/>.</param>
    public static TransferException Storage(string call, Errno errno) =>
        new(
            // EFBIG: the largest file of file system or process (write(2)). For a client that is a full disk, too.
            errno is Errno.ENOSPC
                or Errno.EDQUOT or Errno.EFBIG ? TransferError.StorageFull : TransferError.StorageFailed,
            $"{call} failed: {Describe(errno)}");

    /// <summary>The failure to open an image.</summary>
    public static TransferException Unavailable(string call, Errno errno) =>
        new(TransferError.ImageUnavailable, $"{call} failed: {Describe(errno)}");

    /// <summary>Whether the storage does not support this call, as opposed to failing at it.</summary>
    public static bool MeansUnsupported(Errno errno) =>
        errno is Errno.EOPNOTSUPP or Errno.ENOSYS or Errno.ENOTTY or Errno.ENODEV;

    /// <summary>The error's name, or else its number, and the system's text for it.</summary>
    public static string Describe(Errno errno) => $"{errno} ({Marshal.GetPInvokeErrorMessage((int)errno)})";
}
