using System.Diagnostics.Metrics;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Tickets;

namespace ImageIO.Web.Hosting;

/// <summary>Metrics of tickets, storage threads and the buffer pool.</summary>
internal sealed class DaemonMeter
{
    public DaemonMeter(IMeterFactory meters, TicketStore tickets, BufferPool pool, ImageOpener images)
    {
        Meter meter = meters.Create(TransferMeter.Name);
        meter.CreateObservableGauge(
            "imageio.tickets",
            () => tickets.All.CountBy(StateOf).Select(
                pair => new Measurement<int>(pair.Value, new KeyValuePair<string, object?>("state", pair.Key))),
            "{ticket}",
            "Installed tickets, by state: active, idle, expired, canceled.");
        meter.CreateObservableGauge(
            "imageio.storage.busy", () => images.BusyThreads, "{thread}", "Threads that run a storage call.");
        meter.CreateObservableGauge(
            "imageio.storage.waiting", () => images.WaitingCalls, "{call}", "Storage calls that wait for a thread.");
        meter.CreateObservableGauge(
            "imageio.buffers.rented", () => pool.RentedBytes, "By", "Bytes of image buffers that operations hold.");
        meter.CreateObservableGauge(
            "imageio.buffers.small",
            () => pool.SmallBytes,
            "By",
            "Bytes of small buffers that operations hold of their own.");
        meter.CreateObservableGauge(
            "imageio.buffers.allocated", () => pool.AllocatedBytes, "By", "Bytes of image buffers that exist.");
        meter.CreateObservableGauge(
            "imageio.buffers.ceiling", () => pool.Ceiling, "By", "Most bytes of image buffers that may exist.");
    }

    private static string StateOf(Ticket ticket) =>
        ticket.IsCanceled ? "canceled" : ticket.IsActive ? "active" : ticket.IsExpired ? "expired" : "idle";
}
