using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Rbd.Extents;

/// <summary>A part of an image and the ranges found in it.</summary>
/// <param name="Range">The part.</param>
/// <param name="Found">Ranges in it, in order; bytes between them are zero, or clean.</param>
internal readonly record struct DiffPart(ByteRange Range, IReadOnlyList<DiffRange> Found);
