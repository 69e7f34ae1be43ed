using System.Globalization;
using System.Text.Json;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;

namespace ImageIO.Web.Endpoints;

/// <summary>A ticket as JSON: from the manager, and with its state to the manager.</summary>
internal static class TicketJson
{
    private static readonly string[] KnownOps = ["read", "write"];

    /// <summary>Parses a ticket.</summary>
    /// <param name="fields">The body.</param>
    /// <param name="defaultInactivityTimeout">Seconds, for a ticket without this key.</param>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: a key is missing or
    /// wrong.</exception>
    public static TicketSpec Parse(JsonFields fields, int defaultInactivityTimeout)
    {
        string uuid = fields.RequiredString("uuid");
        if (uuid.Length == 0)
        {
            throw Invalid("Invalid 'uuid': it is empty");
        }

        IReadOnlyList<string> ops = fields.RequiredStrings("ops");
        if (ops.FirstOrDefault(op => !KnownOps.Contains(op, StringComparer.Ordinal)) is { } unknown)
        {
            throw Invalid($"Invalid 'ops': '{unknown}' is no operation, expected {string.Join(" or ", KnownOps)}");
        }

        string? filename = fields.OptionalString("filename");
        if (filename is not null && filename.Any(char.IsControl))
        {
            // It becomes part of a response header.
            throw Invalid("Invalid 'filename': it holds control characters");
        }

        var url = ImageUrl.Parse(fields.RequiredString("url"));
        if (ForwardedUrl.IsForwarded(url) && ForwardedUrl.Parse(url) is null)
        {
            // The URL itself is not shown, because it may contain the id of another ticket.
            throw Invalid("Invalid 'url': it is not like https://HOST:PORT/images/ID");
        }

        return new TicketSpec
        {
            Id = new TicketId(uuid),
            Size = fields.RequiredBigInteger("size", minimum: 0),
            Url = url,
            Ops = ops,
            TimeoutSeconds = fields.RequiredInteger("timeout", minimum: 0),
            InactivityTimeoutSeconds = fields.OptionalInteger("inactivity_timeout", minimum: 0)
                ?? defaultInactivityTimeout,
            TransferId = fields.OptionalString("transfer_id"),
            Filename = filename,
            Sparse = fields.OptionalBoolean("sparse") ?? false,
            Dirty = fields.OptionalBoolean("dirty") ?? false,
        };
    }

    /// <summary>Writes a ticket and its state, with exactly the keys that managers know.</summary>
    public static void Write(Utf8JsonWriter json, Ticket ticket)
    {
        json.WriteStartObject();
        WriteState(json, ticket);
        json.WriteEndObject();
    }

    /// <summary>Writes a ticket of the list, which is ours: with what its operations have waited for.</summary>
    public static void WriteWithWaits(Utf8JsonWriter json, Ticket ticket)
    {
        OperationWaits waits = ticket.Waits;
        json.WriteStartObject();
        WriteState(json, ticket);
        json.WriteNumber("client_wait", Math.Round(waits.Client.TotalSeconds, 3));
        json.WriteNumber("storage_wait", Math.Round(waits.Storage.TotalSeconds, 3));
        json.WriteEndObject();
    }

    private static void WriteState(Utf8JsonWriter json, Ticket ticket)
    {
        TicketSpec spec = ticket.Spec;
        json.WriteBoolean("active", ticket.IsActive);
        json.WriteBoolean("canceled", ticket.IsCanceled);
        json.WriteNumber("connections", ticket.Connections);
        json.WriteNumber("expires", ticket.ExpiresSeconds);
        json.WriteNumber("idle_time", ticket.IdleSeconds);
        json.WriteNumber("inactivity_timeout", spec.InactivityTimeoutSeconds);
        json.WriteStartArray("ops");
        foreach (string op in spec.Ops)
        {
            json.WriteStringValue(op);
        }

        json.WriteEndArray();
        json.WritePropertyName("size");
        json.WriteRawValue(spec.Size.ToString(CultureInfo.InvariantCulture));
        json.WriteBoolean("sparse", spec.Sparse);
        json.WriteBoolean("dirty", spec.Dirty);
        json.WriteNumber("timeout", spec.TimeoutSeconds);
        json.WriteString("url", spec.Url.Text);
        json.WriteString("uuid", spec.Id.Reveal());
        json.WriteString("transfer_id", ticket.TransferId);
        if (spec.Filename is not null)
        {
            json.WriteString("filename", spec.Filename);
        }

        if (spec.Ops.Count < 2)
        {
            json.WriteNumber("transferred", ticket.Transferred);
        }
    }

    private static TransferException Invalid(string message) => new(TransferError.InvalidRequest, message);
}
