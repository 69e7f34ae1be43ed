using ImageIO.Core.Errors;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>Translates librbd's errors into failures of a transfer.</summary>
internal static class RbdFailure
{
    /// <summary>The failure of a call on an open image.</summary>
    /// <param name="call">The call and its object, like <c>rbd_aio_write at 0+4096 on rbd:vms/disk</c>.</param>
    /// <param name="result">librbd's result, negative.</param>
    public static TransferException Of(string call, long result)
    {
        bool isFull = -result is Errno.ENOSPC or Errno.EDQUOT;
        string means = -result switch
        {
            Errno.ENOSPC => "the cluster or the pool is full",
            Errno.EDQUOT => "the quota of the pool is used up",
            Errno.ETIMEDOUT => "the cluster did not answer in time; a write may still land, so write the range again",
            Errno.ESHUTDOWN => "the cluster has blocklisted this client; open images fail until they are opened again",
            Errno.EROFS => "another client holds the image's lock for good, or the image is a mirror's copy",
            Errno.EACCES or Errno.EPERM =>
                "the user's capabilities do not permit it (or to break a dead owner's lock): give it mon 'profile rbd'",
            Errno.ENOENT => "the image, its snapshot or its parent was removed",
            _ => "",
        };
        return new TransferException(
            isFull ? TransferError.StorageFull : TransferError.StorageFailed,
            $"{call} failed: {Errno.Name(result)}{(means.Length > 0 ? ", " : "")}{means}");
    }
}
