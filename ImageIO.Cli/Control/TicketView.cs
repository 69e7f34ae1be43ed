using System.Text.Json;
using System.Text.Json.Serialization;

namespace ImageIO.CommandLine.Control;

/// <summary>A ticket as the control service shows it, as far as it is shown here.</summary>
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

    /// <summary>Distinct bytes that were transferred. Null: a ticket for both directions.</summary>
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

    /// <summary>Seconds that operations have waited for the client. Null: the daemon does not tell.</summary>
    [JsonPropertyName("client_wait")]
    public double? ClientWaitSeconds { get; init; }

    /// <summary>Seconds that operations have waited for the storage.</summary>
    [JsonPropertyName("storage_wait")]
    public double? StorageWaitSeconds { get; init; }

    /// <summary>Whole percents that are done; null: not known.</summary>
    public int? Percent => Transferred is { } done && Size > 0 ? (int)(done * 100 / Size) : null;

    /// <summary>What it does, in a word.</summary>
    public string State =>
        IsCanceled ? "cancelled" : IsActive ? "active" : Connections > 0 ? $"idle {IdleSeconds} s" : "waiting";

    public static TicketView Parse(byte[] json) => JsonSerializer.Deserialize(json, ControlJson.Default.TicketView)!;

    public static IReadOnlyList<TicketView> ParseList(byte[] json) => JsonSerializer.Deserialize(
        json, ControlJson.Default.ListTicketView)!;
}
