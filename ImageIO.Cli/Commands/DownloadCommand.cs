using System.CommandLine;
using ImageIO.Client;
using ImageIO.Client.Copying;
using ImageIO.Client.Transport;
using ImageIO.CommandLine.Output;
using ImageIO.Core.Errors;
using ImageIO.Formats.Qcow2;

namespace ImageIO.CommandLine.Commands;

/// <summary><c>imageio download URL FILE</c>.</summary>
internal static class DownloadCommand
{
    public static Command Create()
    {
        var url = new Argument<string>("URL") { Description = "The transfer's URL, or @FILE with it" };
        var file = new Argument<string>("FILE") { Description = "Image file to be written, or a block device" };
        var target = new TargetOptions();
        var options = new TransferOptions();
        var command = new Command("download", "Download the image of a transfer's URL") { url, file };
        foreach (Option option in target.All.Concat(options.All))
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => CommandRun.RunAsync(options.Progress(parsed), async progress =>
        {
            string path = parsed.GetRequiredValue(file);
            string format = parsed.GetValue(target.Format)!;
            target.Check(parsed, path, format, parsed.GetValue(options.Resume));
            await using TransferClient client = await TransferClient.OpenAsync(
                TransferUrl.Read(parsed.GetRequiredValue(url)), options.Client(parsed), cancellationToken);
            await DownloadAsync(client, path, target.Target(parsed, format),
                options.Copy(parsed) with { IsIncremental = parsed.GetValue(target.Incremental) },
                progress, cancellationToken);
            progress.Begin(Phases.DownloadCompleted);
        }));
        return command;
    }

    /// <summary>
    /// Downloads into a new file. It gets its name when it is complete, and is removed after a failure.
    /// </summary>
    public static async Task DownloadAsync(
        TransferClient client,
        string path,
        ImageTargetOptions targetOptions,
        CopyOptions options,
        ProgressWriter progress,
        CancellationToken cancellationToken)
    {
        progress.Begin(Phases.Downloading);
        progress.SetSize(client.Size);
        bool isThere = targetOptions.IsInPlace || ImageTarget.IsDevice(path) || File.Exists($"{path}.part");
        bool continues = options.ResumeFile is { } state && File.Exists(state) && isThere;
        if (options.ResumeFile is { } old && !continues)
        {
            File.Delete(old);
        }

        ImageTarget target = await ImageTarget.CreateAsync(
            path, client.Size, targetOptions with { Continues = continues }, cancellationToken);
        try
        {
            await Copier.DownloadAsync(
                client,
                target.Backend,
                options with
                {
                    IsDestinationZero = options.IsDestinationZero || target.IsZero,
                    KeepsHoles = targetOptions.BackingFile is not null,
                    ResumeIdentity = Identity(path, targetOptions),
                },
                progress,
                cancellationToken);
            await target.CompleteAsync(cancellationToken);
        }
        catch (Exception e)
        {
            if (options.ResumeFile is not null && e is not TransferException { Error: TransferError.DigestMismatch })
            {
                await target.DisposeAsync();
            }
            else
            {
                await target.DiscardAsync();
            }

            throw;
        }
    }

    // Identifies a file for resuming. A file with other options has other bytes for the same data.
    private static string Identity(string path, ImageTargetOptions target)
    {
        string text = $"{(ImageTarget.IsDevice(path) ? path : Path.GetFullPath(path))} {target.Format}";
        return target.BackingFile is null && target.Compression == Qcow2Compression.None
            ? text
            : $"{text} {target.Compression} {target.BackingFile}".TrimEnd();
    }
}
