using System.Text.Json.Serialization;
using ImageIO.Core.Ranges;

namespace ImageIO.Client.Transport;

/// <summary>One element of a server's extents.</summary>
internal sealed record ExtentEntry
{
    [JsonPropertyName("start")]
    public required long Start { get; init; }

    [JsonPropertyName("length")]
    public required long Length { get; init; }

    [JsonPropertyName("zero")]
    public bool Zero { get; init; }

    [JsonPropertyName("hole")]
    public bool Hole { get; init; }

    [JsonPropertyName("dirty")]
    public bool Dirty { get; init; }

    public Extent ToExtent() => new(
        ByteRange.At(Start, Length),
        (Zero ? ExtentFlags.Zero : 0) | (Hole ? ExtentFlags.Hole : 0) | (Dirty ? ExtentFlags.Dirty : 0));
}
