using ImageIO.Core.Errors;
using Org.BouncyCastle.Crypto.Parameters;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>Decides whether a signed ticket is trusted (proxy-api section 1). Refuses everything unknown.</summary>
/// <param name="signer">The signer. Null: tickets are unsigned payloads, for development.</param>
/// <param name="skew">Tolerated difference of clocks, in whole seconds.</param>
/// <param name="time">The clock.</param>
public sealed class TicketVerifier(SignerCertificate? signer, TimeSpan skew, TimeProvider time)
{
    private readonly long _skewSeconds = (long)skew.TotalSeconds;

    /// <summary>The ticket in a signed ticket.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.SignedTicketRefused"/>, with the reason. The message never contains a part of the
    /// ticket.
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

    /// <summary>Whether a ticket has expired.</summary>
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

        // If both are there, both must verify. Otherwise an attacker only needs the weaker one.
        if (ticket.Signature is { } signature)
        {
            Org.BouncyCastle.Crypto.ISigner scheme = RsaSignature.WithHash(ticket.DigestName!)
                ?? throw SignedTicket.Refused("its 'digest' is not one of sha1, sha256, sha384, sha512");
            Check("signature", RsaSignature.Verifies(scheme, key, ticket.SignedBytes.Span, signature.Span));
        }

        if (ticket.PssSignature is { } pssSignature)
        {
            Check("v2_signature", RsaSignature.Verifies(
                RsaSignature.Pss(key), key, ticket.SignedBytes.Span, pssSignature.Span));
        }

        // Times in a ticket are whole seconds. The last second is included.
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
