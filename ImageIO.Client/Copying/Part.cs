using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

/// <summary>A range of an image that is treated in one way.</summary>
internal readonly record struct Part(ByteRange Range, PartKind Kind);
