using System.Text.Json.Serialization;

namespace ImageIO.Client.Transport;

/// <summary>A server's answer to a question for a checksum.</summary>
internal sealed record ChecksumEntry
{
    [JsonPropertyName("algorithm")]
    public required string Algorithm { get; init; }

    [JsonPropertyName("block_size")]
    public required int BlockSize { get; init; }

    [JsonPropertyName("checksum")]
    public required string Checksum { get; init; }
}
