using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// Signed tickets. The corpus has good ones of a signer whose key is destroyed, so every trusted ticket must have their
/// content.
/// </summary>
internal static class TicketTarget
{
    // The time that the tickets of the corpus are for.
    private const long Now = 1795348800;

    private static readonly TicketVerifier Verifier = new(
        new SignerCertificate(FuzzTarget.CorpusOf("engine.pem"), authorityFile: null),
        TimeSpan.Zero, new StoppedClock());

    /// <summary>The input is the whole ticket.</summary>
    public static void Text(byte[] input) => Verify(Encoding.UTF8.GetString(input));

    /// <summary>The input is the JSON in the ticket, which a search would hardly reach through base64.</summary>
    public static void Json(byte[] input) => Verify(Convert.ToBase64String(input));

    /// <summary>The content of a trusted ticket.</summary>
    public static ProxyTicket Verified(string text) => Verifier.Verify(text);

    private static void Verify(string text) => FuzzTarget.MayRefuse(
        () =>
        {
            ProxyTicket ticket = Verified(text);
            FuzzTarget.MustHold(
                ticket.Id.Reveal() == "ticket-1" && ticket.Daemon.Port == 54322 && ticket.NotBeforeSeconds <= Now
                    && ticket.ExpiresSeconds is > Now and <= Now + 600,
                "only what the signer has signed is believed");
        },
        TransferError.SignedTicketRefused);

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(Now);
    }
}
