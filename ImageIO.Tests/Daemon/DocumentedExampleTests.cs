using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;
using ImageIO.Web.Options;

namespace ImageIO.Tests.Daemon;

/// <summary>Runs every block of every page against the daemon.</summary>
public sealed class DocumentedExampleTests : IAsyncLifetime
{
    private const int MiB = 1024 * 1024;

    private readonly DaemonFiles _files = new();
    private readonly string _programs;
    private DaemonProcess? _daemon;

    public DocumentedExampleTests() => _programs = Directory.CreateDirectory(Path.Combine(_files.Path, "bin")).FullName;

    private DaemonProcess Daemon => _daemon ?? throw new InvalidOperationException("Not started");

    public async Task InitializeAsync()
    {
        _daemon = await DaemonProcess.StartAsync(_files);
        // As on a host where all of this is installed: an example that fails fails the test.
        AddProgram("curl", "exec /usr/bin/curl --silent --show-error --fail-with-body \"$@\"");
        AddProgram("ovirt-imageio", $"exec {DaemonProcess.Executable} --conf-dir {_files.Path} \"$@\"");
        AddProgram("systemctl", $"""[ "$*" = "kill --signal=HUP ovirt-imageio" ] && exec kill -s HUP {_daemon.Id}""");
        File.WriteAllBytes(Path.Combine(_files.Path, "data.raw"), Bytes.Random(64 * 1024));
    }

    public async Task DisposeAsync()
    {
        await Daemon.DisposeAsync();
        _files.Dispose();
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("images.md", 1)]
    [InlineData("tickets.md", 1)]
    [InlineData("info.md", 1)]
    [InlineData("extents.md", 2)]
    [InlineData("checksum.md", 2)]
    [InlineData("configuration.md", 2)]
    [InlineData("operations.md", 1)]
    public async Task Every_example_of_the_page_works(string page, int examples)
    {
        Skip.IfNot(File.Exists("/usr/bin/curl"), "Needs curl");
        // The image of the page's examples, which show the whole answer about its extents.
        TestImage image = new(Guid.NewGuid().ToString(), _files.CreateSparseImage(MiB, (0, Bytes.Random(64 * 1024))));
        await Daemon.InstallAsync(TicketBody.For(image.Id, image.Path, 8 * MiB));
        string output = "";
        int run = 0;
        // OtherClientsTests run the other clients: each needs a program of its own.
        foreach (MarkdownBlock block in MarkdownBlock.Read(page).Where(
            block => block.Heading is not ("Synopsis" or "Other clients")))
        {
            switch (block)
            {
                case { Language: "ini" }:
                    AssertSetsKnownOptions(block.Text);
                    break;
                case { Language: "python" }:
                    Assert.Equal(await RunPythonAsync(block.Text, image), await ChecksumAsync(image));
                    break;
                case { Language: "", Text: ['[' or '{', ..] }:
                    Assert.Equal(block.Text, output.Trim());
                    break;
                case { Language: "" }:
                    output = await RunShellAsync(block.Text, image);
                    break;
                default:
                    Assert.Fail($"Nobody runs {block.Language} of {page}: {block.Text}");
                    break;
            }

            run++;
        }

        Assert.Equal(examples, run);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Examples_of_the_images_page_leave_copies_that_are_the_image()
    {
        Skip.IfNot(File.Exists("/usr/bin/curl"), "Needs curl");
        TestImage image = new(Guid.NewGuid().ToString(), _files.CreateImage(Bytes.Random(2 * MiB)));
        await Daemon.InstallAsync(TicketBody.For(image.Id, image.Path, 2 * MiB));
        byte[] before = image.Content;
        byte[] data = File.ReadAllBytes(Path.Combine(_files.Path, "data.raw"));

        await RunShellAsync(MarkdownBlock.Read("images.md").Single(block => block.Heading == "Examples").Text, image);

        // Written at its start, written at a million, then zeroed from 4096 on for a MiB.
        byte[] expected = [.. before];
        data.CopyTo(expected, 0);
        data.CopyTo(expected, 1_000_000);
        Array.Clear(expected, 4096, MiB);
        Bytes.AssertEqual(expected, image.Content, "the image");
        Bytes.AssertEqual(expected, File.ReadAllBytes(Path.Combine(_files.Path, "copy.raw")), "the copy");
        Bytes.AssertEqual(before[..4096], File.ReadAllBytes(Path.Combine(_files.Path, "first.raw")), "the first block");
    }

    private static void AssertSetsKnownOptions(string text)
    {
        var configuration = DaemonConfiguration.Read(IniFile.Parse("example.conf", text.Split('\n')));
        Assert.Empty(configuration.Reader.Unknown);
        Assert.NotEqual(DaemonConfiguration.Read([]).Reader.Effective, configuration.Reader.Effective);
    }

    private Task<string> RunPythonAsync(string block, TestImage image)
    {
        Skip.IfNot(File.Exists("/usr/bin/python3"), "Needs python3");
        string script =
            $"import hashlib, sys\nimage = open(sys.argv[1], 'rb')\nblock_size = 4194304\n{block}\nprint(checksum)";
        return RunAsync("/usr/bin/python3", image, "-c", script, image.Path);
    }

    private async Task<string> ChecksumAsync(TestImage image)
    {
        string answer = await Daemon.Remote.GetStringAsync($"{image.Url}/checksum");
        return System.Text.Json.Nodes.JsonNode.Parse(answer)!["checksum"]!.GetValue<string>() + "\n";
    }

    // The places that examples name are here those of the test's own daemon.
    private Task<string> RunShellAsync(string block, TestImage image)
    {
        string script = block
            .Replace("/run/ovirt-imageio/sock", _files.ControlSocket, StringComparison.Ordinal)
            .Replace("/run/ovirt-imageio/local.sock", _files.LocalSocket, StringComparison.Ordinal)
            .Replace("https://host:54322", Daemon.RemoteUrl, StringComparison.Ordinal)
            .Replace("/var/tmp/example.raw", image.Path, StringComparison.Ordinal);
        Assert.DoesNotContain("/run/", script, StringComparison.Ordinal);
        Assert.DoesNotContain("/var/", script, StringComparison.Ordinal);
        return RunAsync("/bin/sh", image, "-eu", "-c", script);
    }

    private async Task<string> RunAsync(string program, TestImage image, params string[] arguments)
    {
        BufferedCommandResult result = await Cli.Wrap(program)
            .WithArguments(arguments)
            .WithWorkingDirectory(_files.Path)
            .WithEnvironmentVariables(environment => environment
                .Set("PATH", $"{_programs}:{Environment.GetEnvironmentVariable("PATH")}")
                .Set("CA", _files.Certificate.CertificateFile)
                .Set("URL", Daemon.RemoteUrl)
                .Set("ID", image.Id))
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();
        Assert.True(
            result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.StandardOutput}{result.StandardError}");
        return result.StandardOutput;
    }

    private void AddProgram(string name, string script)
    {
        string path = Path.Combine(_programs, name);
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
