namespace ImageIO.Core.Backends;

/// <summary>What becomes of the space of a zeroed range.</summary>
public enum ZeroMode
{
    /// <summary>The space is kept, or allocated: a later write cannot fail for lack of it.</summary>
    Allocate,

    /// <summary>The space may be given back to the storage.</summary>
    Deallocate,
}
