using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// The content of a signed ticket, and of a session. Accepted content must survive being written and read again.
/// </summary>
internal static class PayloadTarget
{
    public static void Run(byte[] input) => FuzzTarget.MayRefuse(
        () =>
        {
            var ticket = ProxyTicket.Parse(Encoding.UTF8.GetString(input));
            var again = ProxyTicket.Parse(ticket.ToPayload());
            FuzzTarget.MustHold(
                again.Id == ticket.Id && again.Daemon == ticket.Daemon && again.TransferId == ticket.TransferId
                    && again.ExpiresSeconds == ticket.ExpiresSeconds
                    && again.NotBeforeSeconds == ticket.NotBeforeSeconds,
                "a payload that was written says the same");
            var url = new Uri(ticket.Daemon.Url);
            FuzzTarget.MustHold(
                url is { Scheme: "https", UserInfo: "", PathAndQuery: "/", Fragment: "" }
                    && url.Port == ticket.Daemon.Port,
                "imaged-uri is a scheme, a host and a port");
            FuzzTarget.MustHold(ticket.Id.Reveal().Length > 0, "a ticket has an id");
        },
        TransferError.SignedTicketRefused);
}
