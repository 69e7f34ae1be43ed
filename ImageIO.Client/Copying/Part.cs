using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

/// <summary>A range of an image with one treatment.</summary>
internal readonly record struct Part(ByteRange Range, PartKind Kind);
