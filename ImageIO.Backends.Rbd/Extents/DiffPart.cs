using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Rbd.Extents;

/// <summary>A part of an image with what was found in it.</summary>
/// <param name="Range">The part.</param>
/// <param name="Found">Ranges in it, in order; what lies between them is zero, or clean.</param>
internal readonly record struct DiffPart(ByteRange Range, IReadOnlyList<DiffRange> Found);
