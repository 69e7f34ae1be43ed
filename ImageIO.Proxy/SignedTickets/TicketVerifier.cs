using ImageIO.Core.Errors;
using Org.BouncyCastle.Crypto.Parameters;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>
/// Decides whether a signed ticket is believed (proxy-api section 1). Everything that is not known to be right is
/// refused.
/// </summary>
/// <param name="signer">Who signs. Null: tickets are plain payloads that anybody may write, for development.</param>
/// <param name="skew">Difference of clocks that is tolerated, whole seconds.</param>
/// <param name="time">The clock.</param>
public sealed class TicketVerifier(SignerCertificate? signer, TimeSpan skew, TimeProvider time)
{
    private readonly long _skewSeconds = (long)skew.TotalSeconds;

    /// <summary>The ticket that a signed ticket holds.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.SignedTicketRefused"/>, with the reason; the message never holds a part of the ticket.
    /// </exception>
    public ProxyTicket Verify(string text)
    {
        DateTimeOffset now = time.GetUtcNow();
        var ticket = ProxyTicket.Parse(signer is null ? text : VerifiedPayload(text, signer, now));
        long seconds = now.ToUnixTimeSeconds();
        if (ticket.NotBeforeSeconds > seconds + _skewSeconds)
        {
            throw SignedTicket.Refused("it is not yet valid ('nbf')");
        }

        return IsExpired(ticket) ? throw SignedTicket.Refused("it has expired ('exp')") : ticket;
    }

    /// <summary>Whether a ticket's time is over.</summary>
    public bool IsExpired(ProxyTicket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        return ticket.ExpiresSeconds <= time.GetUtcNow().ToUnixTimeSeconds() - _skewSeconds;
    }

    private string VerifiedPayload(string text, SignerCertificate signedBy, DateTimeOffset now)
    {
        var ticket = SignedTicket.Parse(text);
        RsaKeyParameters key = signedBy.KeyAt(now);
        if (ticket.Signature is null && ticket.PssSignature is null)
        {
            throw SignedTicket.Refused("it is not signed");
        }

        // Where both are there, both must hold: else the weaker one would do for an attacker.
        if (ticket.Signature is { } signature)
        {
            Org.BouncyCastle.Crypto.ISigner scheme = RsaSignature.WithHash(ticket.DigestName!)
                ?? throw SignedTicket.Refused("its 'digest' is not one of sha1, sha256, sha384, sha512");
            Check("signature", RsaSignature.Verifies(scheme, key, ticket.SignedBytes.Span, signature.Span));
        }

        if (ticket.PssSignature is { } pssSignature)
        {
            Check("v2_signature", RsaSignature.Verifies(RsaSignature.Pss(key), key, ticket.SignedBytes.Span, pssSignature.Span));
        }

        // Times in a ticket have whole seconds; the second that it names is still its own.
        long seconds = now.ToUnixTimeSeconds();
        if (ticket.ValidFrom.ToUnixTimeSeconds() > seconds + _skewSeconds)
        {
            throw SignedTicket.Refused("it is not yet valid ('validFrom')");
        }

        return ticket.ValidTo.ToUnixTimeSeconds() < seconds - _skewSeconds
            ? throw SignedTicket.Refused("it has expired ('validTo')")
            : ticket.Data;
    }

    private static void Check(string name, bool holds)
    {
        if (!holds)
        {
            throw SignedTicket.Refused($"'{name}' is not the signer's");
        }
    }
}
