using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Client;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Daemon.Nbd;

/// <summary>
/// The commands in docs/backends/nbd.md, pasted one after the other; the page compares the copies itself.
/// </summary>
[Trait("Needs", "Qemu")]
[Trait("Speed", "Slow")]
public sealed class NbdPageTests
{
    [SkippableFact(Timeout = 120_000)]
    public async Task Every_command_of_the_page_works_and_each_backup_is_the_disk_at_its_checkpoint()
    {
        SystemTool.Require("curl", "qemu-img", "qemu-nbd", "qemu-io", "qemu-storage-daemon", "socat");
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        string directory = Path.Combine(files.Path, "nbd");
        string commands = string.Join(
            '\n',
            MarkdownBlock.Read("backends/nbd.md").Where(block => block.Language == "sh").Select(block => block.Text));
        commands = Set(commands, "SOCKET", files.ControlSocket);
        commands = Set(commands, "CA", files.Certificate.CertificateFile);
        commands = Set(commands, "URL", daemon.RemoteUrl);
        commands = Set(commands, "DIR", directory);

        BufferedCommandResult result = await Cli.Wrap("/bin/sh")
            .WithArguments(["-eu", "-c", $"trap 'test $? = 0 || kill $(cat {directory}/*.pid)' EXIT\n{commands}"])
            .WithEnvironmentVariables(environment => environment.Set(
                "PATH",
                $"{Path.GetDirectoryName(ImageioProcess.Executable)}:{Environment.GetEnvironmentVariable("PATH")}"))
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();

        Assert.True(result.ExitCode == 0, $"{result.StandardOutput}{result.StandardError}");
        Assert.Equal(4, Regex.Count(result.StandardOutput, "Images are identical."));
    }

    // The first lines of the page are what differs from host to host.
    private static string Set(string commands, string name, string value)
    {
        string changed = Regex.Replace(commands, $"^{name}=.*$", $"{name}={value}", RegexOptions.Multiline);
        Assert.NotEqual(commands, changed);
        return changed;
    }
}
