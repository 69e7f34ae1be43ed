using System.Text.Json;
using System.Text.Json.Serialization;

namespace ImageIO.Client.Transport;

/// <summary>A server's answer to OPTIONS. Without one, the server knows reading and writing only.</summary>
internal sealed record ServerFeatures
{
    /// <summary>Of a server that does not say.</summary>
    public static ServerFeatures None { get; } = new();

    [JsonPropertyName("features")]
    public IReadOnlyList<string> Features { get; init; } = [];

    [JsonPropertyName("max_readers")]
    public int MaxReaders { get; init; } = 1;

    [JsonPropertyName("max_writers")]
    public int MaxWriters { get; init; } = 1;

    [JsonPropertyName("unix_socket")]
    public string? UnixSocket { get; init; }

    /// <summary>Bytes that the ticket reaches; ImageIO's servers say it.</summary>
    [JsonPropertyName("size")]
    public long? Size { get; init; }

    [JsonPropertyName("expires_in")]
    public long? ExpiresInSeconds { get; init; }

    [JsonIgnore]
    public bool CanFlush => Features.Contains("flush");

    [JsonIgnore]
    public bool CanZero => Features.Contains("zero");

    [JsonIgnore]
    public bool HasExtents => Features.Contains("extents");

    [JsonIgnore]
    public bool HasChecksum => Features.Contains("checksum");

    /// <summary>
    /// Whether the server remembers for an image what was lost: one flush then tells about all that was answered
    /// before.
    /// </summary>
    [JsonIgnore]
    public bool RemembersLosses => ExpiresInSeconds is not null && CanFlush;

    /// <summary>Reads an answer's body; what is no JSON object means a server without features.</summary>
    public static ServerFeatures Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, WireJson.Default.ServerFeatures) ?? None;
        }
        catch (JsonException)
        {
            return None;
        }
    }
}
