using System.Text;
using ImageIO.Proxy.Sessions;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// Session ids. The input is an id, and also a change of a good one: two bytes for the place, one for the length that
/// is removed, then the replacement. No id but the good one may be opened.
/// </summary>
internal static class SessionTarget
{
    private const int ChangeHead = 3;

    private static readonly SessionSealer Sealer = new(
        SessionKeys.Ephemeral(), new TicketVerifier(signer: null, TimeSpan.Zero, TimeProvider.System));

    private static readonly string Good = Sealer.Seal(
        ProxyTicket.Parse(
            """{"nbf":0,"exp":9999999999,"imaged-uri":"https://host.example:54322","transfer-ticket":"ticket-1"}"""));

    public static void Run(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        FuzzTarget.MustHold(Sealer.Open(text) is null, "an id that was never made is none");
        if (input.Length >= ChangeHead)
        {
            int at = ((input[0] << 8) | input[1]) % Good.Length;
            int end = Math.Min(at + input[2], Good.Length);
            string changed = $"{Good[..at]}{Encoding.UTF8.GetString(input.AsSpan(ChangeHead))}{Good[end..]}";
            FuzzTarget.MustHold(Sealer.Open(changed) is null == (changed != Good), "a changed id is none");
        }
    }
}
