using ImageIO.Core.Ranges;

namespace ImageIO.Core.Operations;

/// <summary>A block of a checksum that must be read.</summary>
/// <param name="Place">Where its digest belongs in the <see cref="DigestWindow"/>.</param>
/// <param name="Range">Its bytes.</param>
/// <param name="IsWhole">False for a last block that is shorter than the others.</param>
internal readonly record struct ChecksumBlock(long Place, ByteRange Range, bool IsWhole);
