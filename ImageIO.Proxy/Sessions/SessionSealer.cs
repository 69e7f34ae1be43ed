using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Proxy.SignedTickets;
using Microsoft.AspNetCore.DataProtection;

namespace ImageIO.Proxy.Sessions;

/// <summary>
/// Makes session ids of tickets, and tickets of session ids. An id holds the ticket itself, encrypted and authenticated,
/// so that every proxy with the same keys knows it and none keeps a list.
/// </summary>
internal sealed class SessionSealer
{
    /// <summary>
    /// Longest id: it must fit into a URL, of which the server reads 4096 bytes, beside everything else there. A usual one
    /// has about 400 characters.
    /// </summary>
    public const int LongestId = 2048;

    private const int NumberBytes = 16;

    // The version stands in what the key is used for: an id of another form is never opened as one of this.
    private readonly IDataProtector _protector;
    private readonly TicketVerifier _verifier;

    public SessionSealer(IDataProtectionProvider keys, TicketVerifier verifier)
    {
        _protector = keys.CreateProtector("sessions", "1");
        _verifier = verifier;
    }

    /// <summary>A new id for a ticket; each time another one.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.InvalidRequest"/>: the ticket is too long for an id that can be used.
    /// </exception>
    public string Seal(ProxyTicket ticket)
    {
        byte[] number = RandomNumberGenerator.GetBytes(NumberBytes);
        string id = Base64Url.EncodeToString(_protector.Protect([.. number, .. Encoding.UTF8.GetBytes(ticket.ToPayload())]));
        return id.Length <= LongestId
            ? id
            : throw new TransferException(TransferError.InvalidRequest, "The ticket is too long for a session");
    }

    /// <summary>The session of an id. Null: it is none of ours, or its ticket's time is over.</summary>
    public Session? Open(string id)
    {
        if (id.Length > LongestId || Content(id) is not { } content)
        {
            return null;
        }

        var session = new Session(
            new Guid(content.AsSpan(0, NumberBytes)), ProxyTicket.Parse(Encoding.UTF8.GetString(content.AsSpan(NumberBytes))));
        return _verifier.IsExpired(session.Ticket) ? null : session;
    }

    private byte[]? Content(string id)
    {
        try
        {
            byte[] bytes = Base64Url.DecodeFromChars(id);
            // One session has one id: the decoder takes blanks and padding, too, which we never write.
            return Base64Url.EncodeToString(bytes) == id ? _protector.Unprotect(bytes) : null;
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return null;
        }
    }
}
