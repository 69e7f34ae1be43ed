using System.Text.Json;
using System.Text.Json.Nodes;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>The content of a verified signed ticket: which ticket to use at which daemon, and when.</summary>
public sealed class ProxyTicket
{
    private static readonly JsonDocumentOptions Json = new() { AllowDuplicateProperties = false };

    private ProxyTicket(JsonElement payload)
    {
        NotBeforeSeconds = Integer(payload, "nbf") ?? throw Wrong("nbf");
        ExpiresSeconds = Integer(payload, "exp") ?? throw Wrong("exp");
        _ = Integer(payload, "iat");
        Daemon = DaemonAddress.Parse(Text(payload, "imaged-uri") ?? throw Wrong("imaged-uri")) ?? throw Wrong("imaged-uri");
        Id = new TicketId(Text(payload, "transfer-ticket") is { Length: > 0 } id ? id : throw Wrong("transfer-ticket"));
        TransferId = Text(payload, "transfer-id") ?? "";
    }

    /// <summary>Start of its validity, in seconds since 1970.</summary>
    public long NotBeforeSeconds { get; }

    /// <summary>End of its validity, in seconds since 1970.</summary>
    public long ExpiresSeconds { get; }

    /// <summary>The daemon that serves the image.</summary>
    public DaemonAddress Daemon { get; }

    /// <summary>The ticket to use there.</summary>
    public TicketId Id { get; }

    /// <summary>The transfer's name in logs. Empty: the manager gives none.</summary>
    public string TransferId { get; }

    /// <summary>Parses a payload.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.SignedTicketRefused"/>: a key is missing or of the wrong type.
    /// </exception>
    public static ProxyTicket Parse(string payload)
    {
        try
        {
            using var document = JsonDocument.Parse(payload, Json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ProxyTicket(document.RootElement)
                : throw SignedTicket.Refused("its payload is not a JSON object");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // The last two: half of a surrogate pair, literal or escaped.
            throw SignedTicket.Refused("its payload is not valid JSON, or a key stands in it twice");
        }
    }

    /// <summary>A payload that <see cref="Parse"/> turns into this ticket again.</summary>
    internal string ToPayload() => new JsonObject
    {
        ["nbf"] = NotBeforeSeconds,
        ["exp"] = ExpiresSeconds,
        ["imaged-uri"] = Daemon.Url,
        ["transfer-ticket"] = Id.Reveal(),
        ["transfer-id"] = TransferId,
    }.ToJsonString();

    /// <summary>Names the transfer, so that the ticket's id never gets into a text by accident.</summary>
    public override string ToString() => $"(ticket of transfer {(TransferId.Length > 0 ? TransferId : "unknown")})";

    private static long? Integer(JsonElement payload, string name)
    {
        if (!payload.TryGetProperty(name, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number : throw Wrong(name);
    }

    private static string? Text(JsonElement payload, string name)
    {
        if (!payload.TryGetProperty(name, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name);
    }

    private static TransferException Wrong(string name) =>
        SignedTicket.Refused($"'{name}' in its payload is missing or not what it should be");
}
