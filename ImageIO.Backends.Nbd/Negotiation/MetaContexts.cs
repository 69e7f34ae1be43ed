namespace ImageIO.Backends.Nbd.Negotiation;

/// <summary>The ids of the metadata contexts of one connection, chosen by the server. Null: not granted.</summary>
internal sealed record MetaContexts
{
    /// <summary>Tells what reads as zeroes.</summary>
    public const string AllocationName = "base:allocation";

    /// <summary>Tells which layer holds the data: 0 is none.</summary>
    public const string DepthName = "qemu:allocation-depth";

    /// <summary>How names of dirty bitmaps begin.</summary>
    public const string DirtyPrefix = "qemu:dirty-bitmap:";

    /// <summary>No contexts.</summary>
    public static MetaContexts None { get; } = new();

    /// <summary>Id of <c>base:allocation</c>.</summary>
    public uint? Allocation { get; init; }

    /// <summary>Id of <c>qemu:allocation-depth</c>.</summary>
    public uint? Depth { get; init; }

    /// <summary>Id of the dirty bitmap.</summary>
    public uint? Dirty { get; init; }

    /// <summary>Number of contexts. A reply has one chunk for each.</summary>
    public int Count => (Allocation is null ? 0 : 1) + (Depth is null ? 0 : 1) + (Dirty is null ? 0 : 1);
}
