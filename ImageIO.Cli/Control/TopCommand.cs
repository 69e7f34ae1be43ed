using System.CommandLine;
using System.Runtime.Versioning;
using ImageIO.CommandLine.Commands;
using ImageIO.CommandLine.Output;
using Spectre.Console;

namespace ImageIO.CommandLine.Control;

/// <summary><c>imageio top</c>: all transfers of the daemon on this host, live.</summary>
[SupportedOSPlatform("linux")]
internal static class TopCommand
{
    public static Command Create()
    {
        Option<string> directory = HostDaemon.DirectoryOption;
        var count = new Option<int>("--count", "-n")
        {
            Description = "Views until it ends; 0: until it is stopped",
            HelpName = "N",
        };
        var interval = new Option<int>("--interval")
        {
            Description = "Seconds between two views",
            HelpName = "N",
            DefaultValueFactory = _ => 2,
        };
        var command = new Command("top", "A live view of all transfers") { directory, count, interval };
        command.SetAction((parsed, cancellationToken) => CommandRun.RunAsync(() => RunAsync(
            HostDaemon.Find(parsed.GetValue(directory)!),
            parsed.GetValue(count),
            TimeSpan.FromSeconds(Math.Max(1, parsed.GetValue(interval))),
            cancellationToken)));
        return command;
    }

    private static async Task RunAsync(
        HostDaemon daemon, int count, TimeSpan interval, CancellationToken cancellationToken)
    {
        TicketsCommand.WidenUnlessTerminal();
        var before = new Dictionary<string, TicketView>();
        long asked = TimeProvider.System.GetTimestamp();
        await AnsiConsole.Live(new Text("")).StartAsync(async live =>
        {
            for (int view = 1; ; view++)
            {
                IReadOnlyList<TicketView> tickets = daemon.List();
                double seconds = TimeProvider.System.GetElapsedTime(asked).TotalSeconds;
                asked = TimeProvider.System.GetTimestamp();
                double Rate(TicketView ticket) => ticket.Transferred is { } now
                    && before.GetValueOrDefault(ticket.Id)?.Transferred is { } old
                    ? Math.Max(0, (double)(now - old)) / seconds
                    : 0;
                TicketView[] sorted = [.. tickets.OrderByDescending(Rate).ThenByDescending(ticket => ticket.IsActive)];
                live.UpdateTarget(new Rows(
                    new Text(
                        $"{tickets.Count} tickets, {tickets.Count(ticket => ticket.IsActive)} active, "
                        + $"{tickets.Sum(ticket => ticket.Connections)} connections, "
                        + $"{ByteSize.Format(tickets.Sum(Rate))}/s"),
                    TicketsCommand.Table(
                        sorted,
                        ("rate", ticket => $"{ByteSize.Format(Rate(ticket))}/s"),
                        (
                            "client",
                            ticket => Share(
                                ticket, before.GetValueOrDefault(ticket.Id), view => view.ClientWaitSeconds)),
                        (
                            "storage",
                            ticket => Share(
                                ticket, before.GetValueOrDefault(ticket.Id), view => view.StorageWaitSeconds)))));
                live.Refresh();
                before = tickets.ToDictionary(ticket => ticket.Id);
                if (view == count)
                {
                    return;
                }

                await Task.Delay(interval, TimeProvider.System, cancellationToken);
            }
        });
    }

    // The part of the operations' time that they waited for one side, since the last view; at first of all time.
    private static string Share(TicketView now, TicketView? before, Func<TicketView, double?> side)
    {
        double all = Since(now, before, view => view.ClientWaitSeconds + view.StorageWaitSeconds);
        return all > 0 ? $"{Math.Round(100 * Since(now, before, side) / all)}%" : "-";
    }

    private static double Since(TicketView now, TicketView? before, Func<TicketView, double?> value) =>
        Math.Max(0, (value(now) ?? 0) - (before is null ? 0 : value(before) ?? 0));
}
