using ImageIO.Backends.Nbd.Negotiation;

namespace ImageIO.Backends.Nbd.Extents;

/// <summary>The lists of extents in one reply: one for each metadata context that was granted.</summary>
internal sealed class StatusReply
{
    /// <summary>From <c>base:allocation</c>.</summary>
    public StatusList Allocation { get; } = new();

    /// <summary>From <c>qemu:allocation-depth</c>.</summary>
    public StatusList Depth { get; } = new();

    /// <summary>From the dirty bitmap.</summary>
    public StatusList Dirty { get; } = new();

    /// <summary>Contexts whose extents have arrived.</summary>
    public int Received => Math.Min(Allocation.Count, 1) + Math.Min(Depth.Count, 1) + Math.Min(Dirty.Count, 1);

    /// <summary>Extents that have arrived.</summary>
    public int Count => Allocation.Count + Depth.Count + Dirty.Count;

    /// <summary>Forgets the last reply.</summary>
    public void Clear()
    {
        Allocation.Clear();
        Depth.Clear();
        Dirty.Clear();
    }

    /// <summary>The list for a context's id. Null: it was not granted, or its extents have arrived already.</summary>
    public StatusList? Expecting(uint id, MetaContexts contexts)
    {
        StatusList? list = id == contexts.Allocation ? Allocation
            : id == contexts.Depth ? Depth
            : id == contexts.Dirty ? Dirty
            : null;
        return list is { Count: 0 } ? list : null;
    }
}
