using System.Text.RegularExpressions;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Client;

/// <summary>
/// The program by its name <c>ovirt-img</c>: options and output as scripts know them (client.md sections 1 and 3).
/// </summary>
[Collection(RunningDaemon.Collection)]
public sealed partial class OvirtImgTests : IDisposable
{
    private const int Size = 1024 * 1024;

    private readonly RunningDaemon _daemon;
    private readonly ImageDirectory _directory = new();
    private readonly string _program;

    public OvirtImgTests(RunningDaemon daemon)
    {
        _daemon = daemon;
        _program = _directory.File("ovirt-img");
        File.CreateSymbolicLink(_program, ImageioProcess.Executable);
    }

    public void Dispose() => _directory.Dispose();

    // As Forklift and CDI call it.
    [Fact(Timeout = 60_000)]
    public async Task Download_as_migration_tools_call_it_writes_the_disk_and_lines_of_json()
    {
        byte[] content = Bytes.Random(Size);
        await using var engine = new EmulatedEngine(_daemon) { ImageFile = _daemon.Files.CreateImage(content) };
        string password = _directory.Create("password", "secret password\n"u8.ToArray());
        string path = _directory.Create("disk.raw", [1]);

        (int status, string output, string errors) = await RunAsync(
            "download-disk", "--output", "json", $"--engine-url={engine.Url}", "--username=admin@internal",
            $"--password-file={password}",
            $"--cafile={_daemon.Files.Certificate.CertificateFile}", "-f", "raw", "disk-1", path);

        Assert.True(status == 0, errors);
        Assert.Equal("", errors);
        byte[] downloaded = await File.ReadAllBytesAsync(path);
        Bytes.AssertEqual(content, downloaded, "the disk");
        string[] lines = output.TrimEnd('\n').Split('\n');
        Assert.All(lines, line => Assert.Matches(JsonLine(), line));
        Assert.Contains("\"description\": \"creating transfer\"}", lines[0], StringComparison.Ordinal);
        Assert.Matches("\"transferred\": 1048576, .*\"download completed\", \"size\": 1048576}$", lines[^1]);
    }

    [Fact(Timeout = 60_000)]
    public async Task Upload_takes_a_section_of_the_configuration_and_shortened_options()
    {
        byte[] content = Bytes.Random(Size);
        await using var engine = new EmulatedEngine(_daemon) { ImageFile = _daemon.Files.CreateImage(new byte[Size]) };
        string file = _directory.Create("my image.raw", content);
        string configuration = Directory.CreateDirectory(_directory.File("config")).FullName;
        await File.WriteAllTextAsync(
            Path.Combine(configuration, "ovirt-img.conf"),
            $"""
            # for tests
            [other]
            engine_url = https://192.0.2.1
            [lab]
            engine_url = {engine.Url}
            username: admin@internal
            password = secret password
            cafile = {_daemon.Files.Certificate.CertificateFile}
            description = from the section
            """);

        (int status, string output, string errors) = await RunWithAsync(
            configuration, "upload-disk", "-c", "lab", "--stor", "fast storage", "--form=raw", file);

        Assert.True(status == 0, errors);
        byte[] uploaded = await File.ReadAllBytesAsync(engine.ImageFile);
        Bytes.AssertEqual(content, uploaded, "the disk");
        string disk = engine.Requests.First(request => request.Request == "POST /disks").Body!.ToString();
        Assert.Contains("<name>my image</name>", disk, StringComparison.Ordinal);
        Assert.Contains("<description>from the section</description>", disk, StringComparison.Ordinal);
        Assert.Contains("<format>raw</format>", disk, StringComparison.Ordinal);
        // One line, written over again and again, and ended once.
        Assert.Equal(1, output.Count(c => c == '\n'));
        string[] states = output.TrimEnd('\n').Split('\r', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(states, state => Assert.Equal(79, state.Length));
        Assert.Matches(@"^\[ ---- \] 0 bytes, \d+\.\d\d s, 0 bytes/s \| inspecting image *$", states[0]);
        Assert.Matches(@"^\[ 100% \] 1\.00 MiB, \d+\.\d\d s, .*/s \| upload completed *$", states[^1]);
    }

    [Theory(Timeout = 60_000)]
    [InlineData(2, "")]
    [InlineData(2, "download-disk")]
    [InlineData(2, "download-disk id file --max-workers 9")]
    [InlineData(2, "download-disk id file --engine-url https://127.0.0.1:1")]
    [InlineData(2, "create-disk 1g")]
    [InlineData(2, "download-disk id file -c nowhere")]
    [InlineData(2, "upload-disk --engine-url https://127.0.0.1:1 --username x --password-file /dev/null /etc/hostname")]
    public async Task Wrong_usage_is_status_2(int status, string line)
    {
        (int actual, string output, string errors) = await RunAsync(
            line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.True(status == actual, $"{actual}: {output}{errors}");
    }

    [Theory(Timeout = 60_000)]
    [InlineData("--help", 0)]
    [InlineData("", 2)]
    [InlineData("upload-disk --help", 0)]
    public async Task Help_names_the_program_as_it_was_called(string line, int expected)
    {
        (int status, string output, string errors) = await RunAsync(
            line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(expected, status);
        Assert.Contains("ovirt-img ", output + errors, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "imageio",
            (output + errors).Replace("ovirt-imageio", "", StringComparison.Ordinal),
            StringComparison.Ordinal);
        if (line.Contains("upload-disk", StringComparison.Ordinal))
        {
            Assert.Contains("--storage-domain", output, StringComparison.Ordinal);
            Assert.DoesNotContain("--no-backing-chain", output, StringComparison.Ordinal);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Failure_is_status_1_and_its_reason_is_logged()
    {
        await using var engine = new EmulatedEngine(_daemon) { ImageFile = _daemon.Files.CreateImage([1]) };
        string password = _directory.Create("password", "wrong"u8.ToArray());

        (int status, string output, string errors) = await RunAsync(
            "download-disk",
            "-o", "json", "--engine-url", engine.Url, "--username", "admin@internal", "--password-file", password,
            "disk-1", _directory.File("disk"));

        Assert.Equal(1, status);
        Assert.Matches(@"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ERROR   \(MainThread\) \[ovirt-img\] Engine refused "
            + @"the login", errors);
        Assert.Contains("\"command failed\"", output, StringComparison.Ordinal);
        Assert.False(File.Exists(_directory.File("disk")));
    }

    private Task<(int Status, string Output, string Errors)> RunAsync(params IEnumerable<string> arguments) =>
        RunWithAsync(_directory.File("no-config"), [.. arguments]);

    private async Task<(int Status, string Output, string Errors)> RunWithAsync(
        string configuration, params string[] arguments)
    {
        using ImageioProcess process = ImageioProcess.StartAs(_program, arguments, ("XDG_CONFIG_HOME", configuration));
        return await process.EndAsync();
    }

    [GeneratedRegex(
        """^\{"transferred": \d+, "elapsed": \d+\.\d+(E-?\d+)?, "description": "[a-z ]+"(, "size": \d+)?\}$""")]
    private static partial Regex JsonLine();
}
