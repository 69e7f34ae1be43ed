using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Proxy.SignedTickets;
using Microsoft.AspNetCore.DataProtection;

namespace ImageIO.Proxy.Sessions;

/// <summary>
/// Turns tickets into session ids and back. An id contains the ticket itself, encrypted and authenticated, so every
/// proxy with the same keys knows it, and none keeps a list.
/// </summary>
internal sealed class SessionSealer
{
    /// <summary>
    /// Longest id, which must fit into a URL of 4096 bytes with other parts. A usual one has about 400 characters.
    /// </summary>
    public const int LongestId = 2048;

    private const int NumberBytes = 16;

    // The version is part of the purpose: an id of another form is never opened as one of this.
    private readonly IDataProtector _protector;
    private readonly TicketVerifier _verifier;

    public SessionSealer(IDataProtectionProvider keys, TicketVerifier verifier)
    {
        _protector = keys.CreateProtector("sessions", "1");
        _verifier = verifier;
    }

    /// <summary>A new id for a ticket; a different one each time.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.InvalidRequest"/>: the ticket is too long for a usable id.
    /// </exception>
    public string Seal(ProxyTicket ticket)
    {
        byte[] number = RandomNumberGenerator.GetBytes(NumberBytes);
        string id = Base64Url.EncodeToString(
            _protector.Protect([.. number, .. Encoding.UTF8.GetBytes(ticket.ToPayload())]));
        return id.Length <= LongestId
            ? id
            : throw new TransferException(TransferError.InvalidRequest, "The ticket is too long for a session");
    }

    /// <summary>The session of an id. Null: the id is not ours, or its ticket has expired.</summary>
    public Session? Open(string id)
    {
        if (id.Length > LongestId || Content(id) is not { } content)
        {
            return null;
        }

        var session = new Session(
            new Guid(content.AsSpan(0, NumberBytes)),
            ProxyTicket.Parse(Encoding.UTF8.GetString(content.AsSpan(NumberBytes))));
        return _verifier.IsExpired(session.Ticket) ? null : session;
    }

    private byte[]? Content(string id)
    {
        try
        {
            byte[] bytes = Base64Url.DecodeFromChars(id);
            // One session has one id. The decoder also accepts blanks and padding, which we never write.
            return Base64Url.EncodeToString(bytes) == id ? _protector.Unprotect(bytes) : null;
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return null;
        }
    }
}
