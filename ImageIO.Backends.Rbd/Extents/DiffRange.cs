using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Rbd.Extents;

/// <summary>A range that a diff found.</summary>
/// <param name="Range">The bytes.</param>
/// <param name="HasData">False: it changed, and reads as zeroes now.</param>
internal readonly record struct DiffRange(ByteRange Range, bool HasData);
