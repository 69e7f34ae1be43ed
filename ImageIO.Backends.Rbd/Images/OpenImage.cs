using ImageIO.Backends.Rbd.Native;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Rbd.Images;

/// <summary>An open image with the facts about it that do not change.</summary>
internal sealed class OpenImage
{
    /// <summary>The image.</summary>
    public required RbdImageHandle Handle { get; init; }

    /// <summary>Where it is.</summary>
    public required ImagePlace Place { get; init; }

    /// <summary>The image as messages call it.</summary>
    public required string Description { get; init; }

    /// <summary>Cluster, pool, namespace, image and snapshot, by their ids.</summary>
    public required string Identity { get; init; }

    /// <summary>How it is cut into objects.</summary>
    public required ObjectLayout Layout { get; init; }

    /// <summary>Whether object maps tell which objects exist, and may be trusted as far as is known.</summary>
    public required bool HasFastDiff { get; init; }

    /// <summary>Whether librbd keeps written data in memory until a flush.</summary>
    public required bool HasCache { get; init; }

    /// <summary>The snapshot that dirty extents compare with. Null: there are none.</summary>
    public string? FromSnapshot { get; init; }

    /// <summary>Tells whether what is read may have been removed meanwhile. Null: it cannot be.</summary>
    public PresenceCheck? WhenReading { get; init; }

    /// <summary>The same for dirty extents, which read a second snapshot.</summary>
    public PresenceCheck? WhenComparing { get; init; }

    /// <summary>The size in bytes, as it is now for all clients of the cluster.</summary>
    /// <exception cref="TransferException">librbd does not tell it.</exception>
    public long Size
    {
        get
        {
            int result = LibRbd.GetSize(Handle, out ulong size);
            return result < 0 ? throw Failure("rbd_get_size", result) : (long)size;
        }
    }

    /// <summary>The failure of a call. A connection that the cluster has blocklisted is given up.</summary>
    /// <param name="call">The function, and the range.</param>
    /// <param name="result">What it returned, negative.</param>
    public TransferException Failure(string call, long result)
    {
        if (-result == Errno.ESHUTDOWN)
        {
            Place.Connection.GiveUp();
        }

        return RbdFailure.Of($"{call} on {Description}", result);
    }
}
