using System.Text.Json.Serialization;

namespace ImageIO.CommandLine.Control;

/// <summary>A ticket for a file of this host.</summary>
internal sealed record NewTicket
{
    [JsonPropertyName("uuid")]
    public required string Id { get; init; }

    [JsonPropertyName("size")]
    public required long Size { get; init; }

    [JsonPropertyName("url")]
    public required string Url { get; init; }

    [JsonPropertyName("ops")]
    public required IReadOnlyList<string> Ops { get; init; }

    [JsonPropertyName("timeout")]
    public required long TimeoutSeconds { get; init; }

    [JsonPropertyName("filename")]
    public required string Filename { get; init; }

    [JsonPropertyName("sparse")]
    public bool IsSparse { get; init; } = true;
}
