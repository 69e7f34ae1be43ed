using System.CommandLine;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text.Json;
using ImageIO.Client.Copying;
using ImageIO.Client.Local;
using ImageIO.CommandLine.Commands;
using ImageIO.CommandLine.Output;
using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Control;

/// <summary><c>imageio share FILE</c>: a temporary link to a file of this host.</summary>
[SupportedOSPlatform("linux")]
internal static class ShareCommand
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    // Clients that lost the network try again within half a minute.
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(1);

    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "Image file or block device of this host" };
        var write = new Option<bool>("--write") { Description = "For an upload; FILE is created if there is none" };
        var time = new Option<string>("--for")
        {
            Description = "How long, like 30m or 2h",
            HelpName = "TIME",
            DefaultValueFactory = _ => "1h",
        };
        var size = new Option<string?>("--size")
        {
            Description = "Most bytes of an upload, like 10g",
            HelpName = "SIZE",
        };
        var host = new Option<string?>("--host")
        {
            Description = "A name of this host that the other one knows",
            HelpName = "NAME",
        };
        Option<string> directory = HostDaemon.DirectoryOption;
        var command = new Command(
            "share", "Give somebody a link to a file, without a manager") { file, write, time, size, host, directory };
        command.SetAction((parsed, cancellationToken) =>
        {
            var progress = new ProgressWriter(
                Console.Out,
                Console.IsOutputRedirected ? ProgressStyle.PlainText : ProgressStyle.Text, TimeProvider.System);
            return CommandRun.RunAsync(progress, async _ =>
            {
                if (!Duration.TryParse(parsed.GetValue(time)!, out TimeSpan duration))
                {
                    throw new TransferException(TransferError.InvalidRequest, $"--for {parsed.GetValue(time)} is no "
                        + $"time; expected is one like 30m or 2h");
                }

                var daemon = HostDaemon.Find(parsed.GetValue(directory)!);
                NewTicket ticket = Ticket(
                    Path.GetFullPath(parsed.GetRequiredValue(file)),
                    parsed.GetValue(write), parsed.GetValue(size), duration);
                daemon.Add(ticket.Id, JsonSerializer.SerializeToUtf8Bytes(ticket, ControlJson.Default.NewTicket));
                try
                {
                    await Console.Out.WriteLineAsync(daemon.UrlOf(ticket.Id, parsed.GetValue(host)));
                    if (daemon.PageOf(ticket.Id, parsed.GetValue(host)) is { } page)
                    {
                        await Console.Out.WriteLineAsync(page);
                    }

                    await WatchAsync(daemon, ticket, duration, progress, cancellationToken);
                }
                finally
                {
                    daemon.Remove(ticket.Id);
                }
            });
        });
        return command;
    }

    private static NewTicket Ticket(string path, bool isUpload, string? size, TimeSpan duration)
    {
        bool exists = File.Exists(path);
        if (!exists && !isUpload)
        {
            throw new TransferException(
                TransferError.InvalidRequest, $"There is no file {path}; --write creates one for an upload");
        }

        bool isDevice = exists && LocalStorage.IsBlockDevice(path);
        if (isUpload && size is null && !isDevice && (!exists || new FileInfo(path).Length == 0))
        {
            throw new TransferException(
                TransferError.InvalidRequest, "--size is missing: how large may the upload be?");
        }

        if (!exists)
        {
            // The directory keeps others out; the daemon's group may read and write it.
            File.Create(path).Dispose();
        }

        long limit = size is not null ? TransferOptions.Size(size, "--size")
            : isDevice ? long.MaxValue
            : new FileInfo(path).Length;
        return new NewTicket
        {
            // As hard to guess as a key.
            Id = new Guid(RandomNumberGenerator.GetBytes(16)).ToString(),
            Size = limit,
            Url = $"file://{path}",
            Ops = [isUpload ? "write" : "read"],
            TimeoutSeconds = (long)duration.TotalSeconds,
            Filename = Path.GetFileName(path),
        };
    }

    // Ends when all was transferred, or when the time is over. A client may leave some out, zeroes for example: it ends
    // when that has been away for longer than one that tries again.
    private static async Task WatchAsync(
        HostDaemon daemon,
        NewTicket ticket, TimeSpan duration, ProgressWriter progress, CancellationToken cancellationToken)
    {
        long started = TimeProvider.System.GetTimestamp();
        long lastSeen = started;
        bool wasUsed = false;
        progress.Begin("waiting for the other side");
        while (TimeProvider.System.GetElapsedTime(started) < duration)
        {
            TicketView view = daemon.Show(ticket.Id);
            long done = (long)(view.Transferred ?? 0);
            bool isUsed = view.IsActive || view.Connections > 0;
            if ((isUsed || done > 0) && !wasUsed)
            {
                wasUsed = true;
                progress.SetSize(ticket.Size == long.MaxValue ? 0 : ticket.Size);
                progress.Begin(ticket.Ops[0] == "write" ? Phases.Uploading : Phases.Downloading);
            }

            progress.Report(new TransferProgress(TransferPhase.Copying, done, ticket.Size, done, 0));
            if (isUsed)
            {
                lastSeen = TimeProvider.System.GetTimestamp();
            }
            else if (wasUsed && done >= ticket.Size)
            {
                progress.Begin("all was transferred");
                return;
            }
            else if (done > 0 && TimeProvider.System.GetElapsedTime(lastSeen) > LongestRetry)
            {
                progress.Begin("the other side has ended");
                return;
            }

            await Task.Delay(Period, TimeProvider.System, cancellationToken);
        }

        progress.Begin("the time is over");
    }
}
