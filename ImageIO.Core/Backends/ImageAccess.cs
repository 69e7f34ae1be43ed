namespace ImageIO.Core.Backends;

/// <summary>How an opened image will be used.</summary>
/// <param name="Write">Whether it may be written. False: open it so that the storage refuses writes.</param>
/// <param name="Dirty">Whether dirty extents will be asked for.</param>
public readonly record struct ImageAccess(bool Write, bool Dirty = false);
