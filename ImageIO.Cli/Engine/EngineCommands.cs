using System.CommandLine;
using System.CommandLine.Parsing;
using ImageIO.Client;
using ImageIO.Client.Copying;
using ImageIO.Client.Engine;
using ImageIO.Client.Local;
using ImageIO.CommandLine.Commands;
using ImageIO.CommandLine.Output;
using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Engine;

/// <summary><c>upload-disk</c>, <c>download-disk</c> and <c>create-disk</c>: whole disks, with an Engine.</summary>
internal static class EngineCommands
{
    /// <summary>The commands of <c>ovirt-img</c>: two, with the reference's exit codes.</summary>
    public static IEnumerable<Command> ForReference() => [Upload(isReference: true), Download(isReference: true)];

    /// <summary>The commands of <c>imageio</c>.</summary>
    public static IEnumerable<Command> Create() =>
        [Upload(isReference: false), Download(isReference: false), CreateDisk()];

    private static Command Upload(bool isReference)
    {
        var arguments = new EngineArguments(isReference);
        var disk = new DiskArguments();
        var file = new Argument<string>("FILE") { Description = "Image file" };
        var sourceFormat = new Option<string?>("--source-format")
        {
            Description = "Format of FILE, like raw or qcow2",
            HelpName = "FORMAT",
        };
        var member = new Option<string?>("--member")
        {
            Description = "Member of the archive (OVA) that FILE is",
            HelpName = "NAME",
        };
        var noBacking = new Option<bool>("--no-backing-chain")
        {
            Description = "Upload the topmost layer alone, into a snapshot (--snapshot)",
        };
        var isZero = new Option<bool>("--destination-is-zero")
        {
            Description = "The destination reads as zeroes already",
        };
        var command = new Command("upload-disk", "Create a disk and upload an image to it") { file };
        Option[] own = [sourceFormat, member, noBacking, isZero];
        AddOptions(command, [.. disk.All, .. arguments.All, .. isReference ? [] : own]);
        bool IsToSnapshot(CommandResult result) => !isReference && result.GetValue(arguments.Snapshot) is not null;
        command.Validators.Add(result =>
        {
            if (result.GetValue(disk.StorageDomain) is null && !IsToSnapshot(result))
            {
                result.AddError("Option '--storage-domain' is required.");
            }

            if (!isReference && result.GetValue(noBacking) && !IsToSnapshot(result))
            {
                result.AddError("--no-backing-chain needs --snapshot: below a new disk there is nothing.");
            }
        });
        command.SetAction((parsed, cancellationToken) => RunAsync(
            arguments, parsed, isReference, async (engineOptions, configuration, progress) =>
        {
            string path = parsed.GetRequiredValue(file);
            if (!File.Exists(path) && (isReference || !LocalStorage.IsNbd(path)))
            {
                throw new TransferException(TransferError.InvalidRequest, $"There is no file {path}");
            }

            progress.Begin(Phases.Inspecting);
            await using ImageFile image = await ImageFile.OpenAsync(
                path,
                isReference
                    ? null
                    : new ImageFileOptions
                    {
                        Format = parsed.GetValue(sourceFormat),
                        Member = parsed.GetValue(
                            member),
                        WithBackingChain = !parsed.GetValue(noBacking),
                    },
                cancellationToken);
            progress.SetSize(image.VirtualSize);
            NewDisk created = await disk.ForAsync(
                parsed, image, arguments.DiskDescription(parsed, configuration), cancellationToken);
            await using var engine = new EngineClient(engineOptions);
            DiskTransferOptions transfer = arguments.Transfer(parsed, progress, Phases.Uploading);
            if (!isReference)
            {
                CopyOptions copy = transfer.Copy with
                {
                    KeepsHoles = parsed.GetValue(noBacking),
                    IsDestinationZero = parsed.GetValue(isZero),
                };
                transfer = transfer with { Copy = copy };
            }

            await DiskTransfer.UploadAsync(engine, image, created, transfer, progress, cancellationToken);
            progress.Begin(Phases.UploadCompleted);
        }));
        return command;
    }

    private static Command Download(bool isReference)
    {
        var arguments = new EngineArguments(isReference);
        var target = new TargetOptions();
        var format = new Option<string>(
            "--format",
            "-f")
        { Description = "Format of FILE", HelpName = "raw|qcow2", DefaultValueFactory = _ => "qcow2" };
        format.AcceptOnlyFromAmong("raw", "qcow2");
        var disk = new Argument<string>("DISK_ID") { Description = "The disk" };
        var file = new Argument<string>("FILE") { Description = "Image file to be written, or a block device" };
        var command = new Command("download-disk", "Download a disk") { disk, file };
        var isZero = new Option<bool>("--destination-is-zero")
        {
            Description = "FILE reads as zeroes already: an empty device",
        };
        AddOptions(
            command, [format, .. arguments.All, .. isReference ? [] : target.All.Where(
                option => option != target.Format).Append(isZero)]);
        command.SetAction((parsed, cancellationToken) => RunAsync(
            arguments, parsed, isReference, async (engineOptions, _, progress) =>
        {
            string path = parsed.GetRequiredValue(file);
            var image = new ImageTargetOptions { Format = parsed.GetValue(format)! };
            bool isIncremental = false;
            DiskTransferOptions transfer = arguments.Transfer(parsed, progress, Phases.Downloading);
            if (!isReference)
            {
                target.Check(parsed, path, image.Format, transfer.Copy.ResumeFile);
                image = target.Target(parsed, image.Format);
                isIncremental = parsed.GetValue(target.Incremental);
                transfer = transfer with { Copy = transfer.Copy with { IsDestinationZero = parsed.GetValue(isZero) } };
            }

            await using var engine = new EngineClient(engineOptions);
            await DiskTransfer.DownloadAsync(
                engine, parsed.GetRequiredValue(disk), transfer,
                (client, token) => DownloadCommand.DownloadAsync(
                    client, path, image, transfer.Copy with { IsIncremental = isIncremental }, progress, token),
                cancellationToken);
            progress.Begin(Phases.DownloadCompleted);
        }));
        return command;
    }

    private static Command CreateDisk()
    {
        var arguments = new EngineArguments(isReference: false);
        var disk = new DiskArguments();
        var size = new Argument<string>("SIZE") { Description = "Bytes that the guest sees, like 10g" };
        var command = new Command("create-disk", "Create an empty disk and print its id") { size };
        disk.StorageDomain.Required = true;
        AddOptions(
            command,
            [
                .. disk.All,
                arguments.Config, arguments.EngineUrl, arguments.Username, arguments.PasswordFile, arguments.CaFile,
                arguments.Insecure, arguments.LogFile, arguments.LogLevel, arguments.Description,
            ]);
        command.SetAction((parsed, cancellationToken) => CommandRun.RunAsync(async () =>
        {
            ReferenceConfiguration configuration = arguments.Configuration(parsed);
            await using var engine = new EngineClient(arguments.Engine(parsed, configuration));
            string id = await engine.CreateDiskAsync(
                disk.Empty(parsed, TransferOptions.Size(parsed.GetRequiredValue(
                    size), "SIZE"), arguments.DiskDescription(parsed, configuration)),
                created: null,
                cancellationToken);
            await Console.Out.WriteLineAsync(id);
        }));
        return command;
    }

    private static async Task<int> RunAsync(
        EngineArguments arguments,
        ParseResult parsed,
        bool isReference,
        Func<EngineOptions, ReferenceConfiguration, ProgressWriter, Task> body)
    {
        CommandLog? log = null;
        string? failure = null;
        int status = await CommandRun.RunAsync(
            arguments.Progress(parsed),
            async progress =>
            {
                ReferenceConfiguration configuration = arguments.Configuration(parsed);
                log = arguments.Log(parsed, configuration);
                await body(arguments.Engine(parsed, configuration), configuration, progress);
            },
            message => failure = message);
        using (log)
        {
            if (failure is not null && log is not null)
            {
                log.Error(failure);
            }
            else if (failure is not null)
            {
                await Console.Error.WriteLineAsync($"{(isReference ? "ovirt-img" : "imageio")}: error: {failure}");
            }
        }

        // The reference knows only failure and wrong usage.
        return isReference && status > ExitCode.Usage ? ExitCode.Failed : status;
    }

    private static void AddOptions(Command command, IEnumerable<Option> options)
    {
        foreach (Option option in options)
        {
            command.Options.Add(option);
        }
    }
}
