namespace ImageIO.Core.Backends;

/// <summary>Whether a zeroed range keeps its space.</summary>
public enum ZeroMode
{
    /// <summary>The space is kept, or allocated, so a later write cannot fail for lack of it.</summary>
    Allocate,

    /// <summary>The space may be given back to the storage.</summary>
    Deallocate,
}
