using System.CommandLine;
using System.Globalization;
using System.Runtime.Versioning;
using ImageIO.CommandLine.Commands;
using ImageIO.CommandLine.Output;
using ImageIO.Core.Errors;
using Spectre.Console;

namespace ImageIO.CommandLine.Control;

/// <summary><c>imageio tickets list|show|add|extend|remove</c>: the tickets of the daemon on this host.</summary>
[SupportedOSPlatform("linux")]
internal static class TicketsCommand
{
    private const int RedirectedWidth = 240;

    public static Command Create()
    {
        Option<string> directory = HostDaemon.DirectoryOption;
        directory.Recursive = true;
        var id = new Argument<string>("ID") { Description = "The ticket's id" };
        var file = new Argument<string>("FILE") { Description = "The ticket as JSON" };
        var time = new Argument<string>("TIME") { Description = "From now on, like 30m or 2h" };
        var json = new Option<bool>("--json") { Description = "As JSON" };
        var list = new Command("list", "All tickets") { json };
        var show = new Command("show", "One ticket as JSON") { id };
        var add = new Command("add", "Install a ticket") { file };
        var extend = new Command("extend", "Let a ticket expire later") { id, time };
        var remove = new Command("remove", "Remove a ticket, and end what it does") { id };
        list.SetAction(parsed => RunAsync(parsed, directory, daemon => List(daemon, parsed.GetValue(json))));
        show.SetAction(
            parsed => RunAsync(parsed, directory, daemon => Write(daemon.ShowJson(parsed.GetRequiredValue(id)))));
        add.SetAction(parsed => RunAsync(parsed, directory, daemon =>
        {
            byte[] ticket = File.ReadAllBytes(parsed.GetRequiredValue(file));
            daemon.Add(TicketView.Parse(ticket).Id, ticket);
        }));
        extend.SetAction(parsed => RunAsync(parsed, directory, daemon =>
        {
            if (!Duration.TryParse(parsed.GetRequiredValue(time), out TimeSpan duration))
            {
                throw new TransferException(
                    TransferError.InvalidRequest,
                    $"{parsed.GetRequiredValue(time)} is no time; expected is one like 30m or 2h");
            }

            daemon.Extend(parsed.GetRequiredValue(id), (long)duration.TotalSeconds);
        }));
        remove.SetAction(parsed => RunAsync(parsed, directory, daemon => daemon.Remove(parsed.GetRequiredValue(id))));
        return new Command(
            "tickets", "The tickets of the daemon on this host") { directory, list, show, add, extend, remove };
    }

    /// <summary>A table of tickets. Ids are secrets, so only their beginning is shown.</summary>
    /// <param name="tickets">The tickets.</param>
    /// <param name="columns">Further columns, by name.</param>
    public static Table Table(
        IEnumerable<TicketView> tickets, params IReadOnlyList<(string Name, Func<TicketView, string> Cell)> columns)
    {
        Table table = new Table().Border(TableBorder.None).AddColumns(
            "ticket", "transfer", "ops", "done", "size", "conn", "state");
        table.AddColumns([.. columns.Select(column => column.Name)]);

        foreach (TicketView ticket in tickets)
        {
            string[] cells =
            [
                $"{ticket.Id[..Math.Min(8, ticket.Id.Length)]}…",
                ticket.TransferId,
                string.Join(',', ticket.Ops),
                ticket.Percent is { } percent ? $"{percent}%" : "-",
                ByteSize.Format((double)ticket.Size),
                $"{ticket.Connections}",
                ticket.State,
                .. columns.Select(column => column.Cell(ticket)),
            ];
            table.AddRow([.. cells.Select(cell => new Text(cell))]);
        }

        return table;
    }

    /// <summary>
    /// Prevents wrapped lines in scripts: they get each ticket on one line, terminals use their width.
    /// </summary>
    public static void WidenUnlessTerminal()
    {
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = RedirectedWidth;
        }
    }

    private static void List(HostDaemon daemon, bool json)
    {
        if (json)
        {
            Write(daemon.ListJson());
            return;
        }

        WidenUnlessTerminal();
        AnsiConsole.Write(Table(
            daemon.List(),
            ("client wait", ticket => Seconds(ticket.ClientWaitSeconds)),
            ("storage wait", ticket => Seconds(ticket.StorageWaitSeconds))));
    }

    private static string Seconds(double? seconds) =>
        seconds is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:F1} s") : "-";

    private static void Write(byte[] json)
    {
        using Stream output = Console.OpenStandardOutput();
        output.Write(json);
    }

    private static Task<int> RunAsync(ParseResult parsed, Option<string> directory, Action<HostDaemon> body) =>
        CommandRun.RunAsync(() =>
    {
        body(HostDaemon.Find(parsed.GetValue(directory)!));
        return Task.CompletedTask;
    });
}
