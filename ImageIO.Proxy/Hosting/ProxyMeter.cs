using System.Diagnostics.Metrics;
using ImageIO.Core.Diagnostics;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Hosting;

/// <summary>Metrics of the tickets that a proxy holds.</summary>
internal sealed class ProxyMeter
{
    public ProxyMeter(IMeterFactory meters, ProxyTicketStore tickets, TicketVerifier verifier) =>
        meters.Create(TransferMeter.Name).CreateObservableGauge(
            "imageio.tickets",
            () => tickets.All.CountBy(ticket => verifier.IsExpired(ticket) ? "expired" : "installed").Select(
                pair => new Measurement<int>(pair.Value, new KeyValuePair<string, object?>("state", pair.Key))),
            "{ticket}",
            "Tickets held, by state: installed, expired.");
}
