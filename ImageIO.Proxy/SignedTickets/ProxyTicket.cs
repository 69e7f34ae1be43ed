using System.Text;
using System.Text.Json.Nodes;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>The content of a verified signed ticket: which ticket to use at which daemon, and when.</summary>
public sealed class ProxyTicket
{
    private static readonly UTF8Encoding StrictUtf8 =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ProxyTicket(JsonFields payload)
    {
        NotBeforeSeconds = Field("nbf", name => payload.RequiredInteger(name, long.MinValue));
        ExpiresSeconds = Field("exp", name => payload.RequiredInteger(name, long.MinValue));
        _ = Field("iat", name => payload.OptionalInteger(name, long.MinValue));
        Daemon = DaemonAddress.Parse(Field("imaged-uri", payload.RequiredString)) ?? throw Wrong("imaged-uri");
        Id = new TicketId(
            Field(
                "transfer-ticket", payload.RequiredString) is { Length: > 0 } id ? id : throw Wrong("transfer-ticket"));
        TransferId = Field("transfer-id", payload.OptionalString) ?? "";
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
            return new ProxyTicket(JsonFields.Parse(StrictUtf8.GetBytes(payload), allowRepeats: false));
        }
        catch (Exception e) when (e is TransferException { Error: TransferError.InvalidRequest } or ArgumentException)
        {
            // The second: half of a surrogate pair.
            throw SignedTicket.Refused("its payload is not a JSON object, or a key stands in it twice");
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

    private static T Field<T>(string name, Func<string, T> read)
    {
        try
        {
            return read(name);
        }
        catch (TransferException)
        {
            throw Wrong(name);
        }
    }

    private static TransferException Wrong(string name) =>
        SignedTicket.Refused($"'{name}' in its payload is missing or not what it should be");
}
