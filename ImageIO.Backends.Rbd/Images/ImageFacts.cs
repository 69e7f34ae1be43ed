using System.Text;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Backends.Rbd.Urls;

namespace ImageIO.Backends.Rbd.Images;

/// <summary>
/// Facts about an image, asked once when it is open. Blocks, because some answers come from the cluster.
/// </summary>
internal sealed record ImageFacts
{
    private const ulong FastDiffFeature = 1 << 4;
    private const int LongestId = 256;

    /// <summary>Its id, unique in the pool for ever.</summary>
    public required string Id { get; init; }

    /// <summary>Id of the snapshot that is read. Null: the image itself.</summary>
    public ulong? SnapshotId { get; init; }

    /// <summary>Id of the snapshot to compare with. Null: it does not exist, or is not older.</summary>
    public ulong? FromSnapshotId { get; init; }

    /// <summary>Its division into objects.</summary>
    public required ObjectLayout Layout { get; init; }

    /// <summary>Whether object maps tell the existing objects.</summary>
    public required bool HasFastDiff { get; init; }

    /// <summary>Whether librbd keeps written data in memory, by a setting of the pool or the image.</summary>
    public bool HasCache { get; init; }

    /// <summary>Whether librbd keeps written data on this host, by a setting of the pool or the image.</summary>
    public bool HasPersistentCache { get; init; }

    /// <summary>Clients that hold the image's lock, perhaps this one too. Blank: none, or it was not asked.</summary>
    public string LockOwners { get; init; } = "";

    /// <summary>Asks.</summary>
    /// <exception cref="RbdException">A question was not answered.</exception>
    public static ImageFacts Ask(RbdImageHandle image, RbdUrl url, bool write)
    {
        RbdException.ThrowIfError("rbd_get_features", LibRbd.GetFeatures(image, out ulong features));
        ulong? snapshot = url.Snapshot is null ? null : SnapshotNamed(image, url.Snapshot)
            ?? throw new RbdException("rbd_snap_get_id", -Errno.ENOENT);
        ulong? from = url.FromSnapshot is null ? null : SnapshotNamed(image, url.FromSnapshot);
        Dictionary<string, string> config = RbdConfig.Of(image);
        return new ImageFacts
        {
            Id = IdOf(image),
            SnapshotId = snapshot,
            FromSnapshotId = from < (snapshot ?? ulong.MaxValue) ? from : null,
            Layout = LayoutOf(image),
            HasFastDiff = (features & FastDiffFeature) != 0,
            HasCache = config.GetValueOrDefault("rbd_cache") == "true",
            HasPersistentCache = config.GetValueOrDefault("rbd_persistent_cache_mode", "disabled") != "disabled",
            LockOwners = write ? Owners(image) : "",
        };
    }

    private static ulong? SnapshotNamed(RbdImageHandle image, string name)
    {
        int result = LibRbd.GetSnapshotId(image, name, out ulong id);
        if (result < 0 && -result != Errno.ENOENT)
        {
            throw new RbdException("rbd_snap_get_id", result);
        }

        return result < 0 ? null : id;
    }

    private static ObjectLayout LayoutOf(RbdImageHandle image)
    {
        RbdException.ThrowIfError(
            "rbd_stat",
            LibRbd.Stat(
                image, out RbdImageInfo info, (nuint)System.Runtime.CompilerServices.Unsafe.SizeOf<RbdImageInfo>()));
        RbdException.ThrowIfError("rbd_get_stripe_unit", LibRbd.GetStripeUnit(image, out ulong unit));
        RbdException.ThrowIfError("rbd_get_stripe_count", LibRbd.GetStripeCount(image, out ulong count));
        return new ObjectLayout((long)info.ObjectSize, (long)unit, (long)count);
    }

    private static unsafe string IdOf(RbdImageHandle image)
    {
        byte* id = stackalloc byte[LongestId];
        RbdException.ThrowIfError("rbd_get_id", LibRbd.GetId(image, id, LongestId));
        return Encoding.UTF8.GetString(
            System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(id));
    }

    private static unsafe string Owners(RbdImageHandle image)
    {
        const int Most = 8;
        byte** owners = stackalloc byte*[Most];
        nuint count = Most;
        if (LibRbd.GetLockOwners(image, out _, owners, ref count) < 0)
        {
            return "";
        }

        var names = new List<string>();
        for (nuint i = 0; i < count; i++)
        {
            names.Add(System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)owners[i]) ?? "");
        }

        LibRbd.FreeLockOwners(owners, count);
        return string.Join(", ", names);
    }
}
