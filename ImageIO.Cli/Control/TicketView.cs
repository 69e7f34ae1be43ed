using System.Text.Json;
using System.Text.Json.Serialization;

namespace ImageIO.CommandLine.Control;

/// <summary>The shown part of a ticket from the control service.</summary>
internal sealed record TicketView
{
    [JsonPropertyName("uuid")]
    public required string Id { get; init; }

    [JsonPropertyName("transfer_id")]
    public string TransferId { get; init; } = "";

    [JsonPropertyName("url")]
    public string Url { get; init; } = "";

    [JsonPropertyName("ops")]
    public IReadOnlyList<string> Ops { get; init; } = [];

    [JsonPropertyName("size")]
    public decimal Size { get; init; }

    /// <summary>Distinct transferred bytes. Null: a ticket for both directions.</summary>
    [JsonPropertyName("transferred")]
    public decimal? Transferred { get; init; }

    [JsonPropertyName("connections")]
    public int Connections { get; init; }

    [JsonPropertyName("active")]
    public bool IsActive { get; init; }

    [JsonPropertyName("canceled")]
    public bool IsCanceled { get; init; }

    [JsonPropertyName("idle_time")]
    public long IdleSeconds { get; init; }

    /// <summary>Seconds that operations have waited for the client. Null: unknown to the daemon.</summary>
    [JsonPropertyName("client_wait")]
    public double? ClientWaitSeconds { get; init; }

    /// <summary>Seconds that operations have waited for the storage.</summary>
    [JsonPropertyName("storage_wait")]
    public double? StorageWaitSeconds { get; init; }

    /// <summary>Percentage that is done. Null: unknown.</summary>
    public int? Percent => Transferred is { } done && Size > 0 ? (int)(done * 100 / Size) : null;

    /// <summary>Its state in a word.</summary>
    public string State =>
        IsCanceled ? "cancelled" : IsActive ? "active" : Connections > 0 ? $"idle {IdleSeconds} s" : "waiting";

    public static TicketView Parse(byte[] json) => JsonSerializer.Deserialize(json, ControlJson.Default.TicketView)!;

    public static IReadOnlyList<TicketView> ParseList(byte[] json) => JsonSerializer.Deserialize(
        json, ControlJson.Default.ListTicketView)!;
}
