using System.CommandLine;
using System.CommandLine.Help;
using ImageIO.CommandLine.Commands;
using ImageIO.CommandLine.Control;
using ImageIO.CommandLine.Engine;
using ImageIO.Control;

namespace ImageIO.CommandLine;

/// <summary>One program with three names: <c>imageio</c>, <c>ovirt-img</c> and <c>ovirt-imageioctl</c>.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        using var interruption = new Interruption();
        int status = await RunAsync(InvokedName.Get(), args, interruption.Token);
        return interruption.Signal != 0 ? ExitCode.Signaled + interruption.Signal : status;
    }

    private static Task<int> RunAsync(string name, string[] args, CancellationToken cancellationToken) => name switch
    {
        "ovirt-imageioctl" when OperatingSystem.IsLinux() => Task.FromResult(
            new ControlCommands(Console.Out, Console.Error).Run(args)),
        "ovirt-img" => RunOvirtImgAsync(args, cancellationToken),
        _ => InvokeAsync(ImageioCommand(), args, cancellationToken),
    };

    private static Task<int> RunOvirtImgAsync(string[] args, CancellationToken cancellationToken)
    {
        // A root command would have the program's own name instead of the name that it was called by.
        var root = new Command("ovirt-img", "Transfer disk images with oVirt.")
        {
            new HelpOption { Recursive = true }, new VersionOption(),
        };
        foreach (Command command in EngineCommands.ForReference())
        {
            root.Subcommands.Add(command);
        }

        return InvokeAsync(root, PrefixArguments.Expand(args, root), cancellationToken);
    }

    private static RootCommand ImageioCommand()
    {
        var root = new RootCommand(
            "Moves disk images of virtual machines to and from an ImageIO or ovirt-imageio server.")
        {
            UploadCommand.Create(),
            DownloadCommand.Create(),
        };
        if (OperatingSystem.IsLinux())
        {
            // Daemons are on Linux only.
            root.Subcommands.Add(ShareCommand.Create());
            root.Subcommands.Add(TicketsCommand.Create());
            root.Subcommands.Add(TopCommand.Create());
        }

        foreach (
            Command command in EngineCommands.Create().Append(BackupCommand.Create()).Concat(InspectCommands.Create()))
        {
            root.Subcommands.Add(command);
        }

        return root;
    }

    private static async Task<int> InvokeAsync(Command root, string[] args, CancellationToken cancellationToken)
    {
        ParseResult parsed = root.Parse(args);
        // Our own signal handling ends a transfer in order.
        int status = await parsed.InvokeAsync(
            new InvocationConfiguration { ProcessTerminationTimeout = null }, cancellationToken);
        return parsed.Errors.Count > 0 ? ExitCode.Usage : status;
    }
}
