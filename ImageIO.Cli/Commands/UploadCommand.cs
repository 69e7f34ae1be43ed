using System.CommandLine;
using ImageIO.Client;
using ImageIO.Client.Copying;
using ImageIO.Client.Transport;
using ImageIO.CommandLine.Output;

namespace ImageIO.CommandLine.Commands;

/// <summary><c>imageio upload FILE URL</c>.</summary>
internal static class UploadCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "Image file or block device" };
        var url = new Argument<string>("URL") { Description = "The transfer's URL, or @FILE with it" };
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
            Description = "Upload the topmost layer alone, into a snapshot",
        };
        var keepRest = new Option<bool>("--keep-rest")
        {
            Description = "Do not zero what a larger disk has behind the image",
        };
        var options = new TransferOptions();
        var command = new Command(
            "upload", "Upload an image to a transfer's URL") { file, url, sourceFormat, member, noBacking, keepRest };
        foreach (Option option in options.All)
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => CommandRun.RunAsync(options.Progress(parsed), async progress =>
        {
            progress.Begin(Phases.Inspecting);
            await using ImageFile image = await ImageFile.OpenAsync(
                parsed.GetRequiredValue(file),
                new ImageFileOptions
                {
                    Format = parsed.GetValue(sourceFormat),
                    Member = parsed.GetValue(member),
                    WithBackingChain = !parsed.GetValue(noBacking),
                },
                cancellationToken);
            await using TransferClient client = await TransferClient.OpenAsync(
                TransferUrl.Read(parsed.GetRequiredValue(url)), options.Client(parsed), cancellationToken);
            progress.SetSize(image.VirtualSize);
            progress.Begin(Phases.Uploading);
            await Copier.UploadAsync(
                image.Backend,
                client,
                options.Copy(parsed) with
                {
                    KeepsHoles = parsed.GetValue(noBacking),
                    KeepsRest = parsed.GetValue(keepRest),
                    ResumeIdentity = image.Identity,
                },
                progress,
                cancellationToken);
            progress.Begin(Phases.UploadCompleted);
        }));
        return command;
    }
}
