using System.Text.RegularExpressions;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Client;

/// <summary>Runs the examples of the pages about the client.</summary>
[Collection(RunningDaemon.Collection)]
public sealed partial class DocumentedClientTests(RunningDaemon daemon) : IDisposable
{
    private const int Size = 1024 * 1024;

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact(Timeout = 60_000)]
    public async Task Programs_of_the_library_page_compile_as_they_stand_and_work()
    {
        string source = await File.ReadAllTextAsync(
            Path.Combine(RepositoryFiles.Root, "ImageIO.Tests", "Client", "DocumentedPrograms.cs"));
        string[] shown = [.. MarkdownBlock.Read(
            "client.md").Where(block => block.Language == "csharp").Select(block => Plain(block.Text))];
        string[] compiled = [.. Marked().Matches(source).Select(match => Plain(match.Groups[1].Value))];
        byte[] content = Bytes.Random(Size);
        string path = _directory.Create("disk.raw", content);
        TestImage image = await AddAsync();

        int status = await DocumentedPrograms.UploadAsync(
            [path, $"{daemon.Process.RemoteUrl}{image.Url}", daemon.Files.Certificate.CertificateFile]);
        int failed = await DocumentedPrograms.UploadAsync(
            [path, $"{daemon.Process.RemoteUrl}/images/unknown", daemon.Files.Certificate.CertificateFile]);

        Assert.Equal(2, shown.Length);
        Assert.Equal(shown, compiled);
        Assert.Equal((0, 1), (status, failed));
        Bytes.AssertEqual(content, image.Content, "the image");
    }

    [SkippableTheory(Timeout = 120_000)]
    [Trait("Needs", "Qemu")]
    [InlineData("docs/cli.md", 9)]
    [InlineData("packaging/man/imageio.1", 3)]
    public async Task Every_example_of_the_command_line_works(string page, int examples)
    {
        QemuImg.Require();
        await MakeFilesAsync();
        string[] lines =
        [
            .. (await File.ReadAllLinesAsync(Path.Combine(RepositoryFiles.Root, page)))
                .SkipWhile(line => line is not ("## Examples" or ".SH EXAMPLES"))
                .TakeWhile(line => !line.StartsWith("## Errors", StringComparison.Ordinal))
                .Where(line => line.StartsWith("imageio ", StringComparison.Ordinal)).Select(
                    line => line.Replace("\\-", "-", StringComparison.Ordinal)),
        ];
        foreach (string line in lines)
        {
            TestImage image = await AddAsync();
            await File.WriteAllTextAsync(_directory.File("transfer.url"), $"{daemon.Process.RemoteUrl}{image.Url}\n");
            string[] words = [.. line.Split(' ').Skip(1).Select(word => Real(word, image))];
            using ImageioProcess process = ImageioProcess.StartAs(
                ImageioProcess.Executable, [.. words, .. Missing(words)], (
                    "PATH", Environment.GetEnvironmentVariable("PATH")!));
            if (words[0] == "share")
            {
                // It would wait for a client.
                Assert.StartsWith("https://", await process.ReadLineAsync(), StringComparison.Ordinal);
                process.Signal(Signum.SIGTERM);
            }

            (int status, string output, string errors) = await process.EndAsync();

            Assert.True(status == (words[0] == "share" ? 143 : 0), $"{line}: {output}{errors}");
        }

        Assert.Equal(examples, lines.Length);
    }

    // White space is the page's own business, and tests have all names of the library in reach.
    private static string Plain(string code) => string.Concat(
        code.Split('\n').Where(line => !line.StartsWith("using ImageIO", StringComparison.Ordinal))
            .SelectMany(line => line).Where(c => !char.IsWhiteSpace(c)));

    // All that examples name, as it is on a host where they are typed.
    private async Task MakeFilesAsync()
    {
        string raw = _directory.Create("disk.raw", Bytes.Random(Size));
        await QemuImg.RunAsync("convert", "-f", "raw", "-O", "qcow2", raw, _directory.File("disk1.qcow2"));
        await QemuImg.RunAsync("convert", "-f", "raw", "-O", "qcow2", raw, _directory.File("source.qcow2"));
        await QemuImg.RunAsync("bitmap", "--add", _directory.File("source.qcow2"), "daily");
        _directory.Create("backup.raw", Bytes.Random(1000));
        using var tar = System.Diagnostics.Process.Start(
            "tar", ["-C", _directory.Path, "-cf", _directory.File("appliance.ova"), "disk1.qcow2"]);
        await tar.WaitForExitAsync();
    }

    private string Real(string word, TestImage image) => word switch
    {
        "https://host:54322/images/ID" => $"{daemon.Process.RemoteUrl}{image.Url}",
        "@transfer.url" => $"@{_directory.File("transfer.url")}",
        "ca.pem" => daemon.Files.Certificate.CertificateFile,
        "ID" => image.Id,
        "disk1.qcow2" => word,
        _ when word.EndsWith(".raw", StringComparison.Ordinal) || word.EndsWith(".qcow2", StringComparison.Ordinal)
            || word.EndsWith(".ova", StringComparison.Ordinal)
                || word.EndsWith(".state", StringComparison.Ordinal) => FileOf(word),
        _ => word,
    };

    // An example that downloads into a name must not find it taken by the one before.
    private string FileOf(string name)
    {
        string path = _directory.File(name);
        if (name == "disk.qcow2")
        {
            File.Copy(_directory.File("source.qcow2"), path, overwrite: true);
        }

        return path;
    }

    // The examples leave these to the host: trusted authorities, and the daemon.
    private IEnumerable<string> Missing(string[] words)
    {
        if (words[0] is "share" or "tickets" or "top")
        {
            return ["--conf-dir", daemon.Files.Path];
        }

        string[] trust = words[0] is "upload" or "download" && !words.Contains("--cafile")
            ? ["--cafile", daemon.Files.Certificate.CertificateFile]
            : [];
        return words[0] == "download" && !words.Contains("--force") ? [.. trust, "--force"] : trust;
    }

    private async Task<TestImage> AddAsync()
    {
        TestImage image = await daemon.AddImageAsync(new byte[Size]);
        await daemon.InstallAsync(TicketBody.For(image.Id, image.Path, Size, "write"));
        return image;
    }

    [GeneratedRegex(@"// docs/client\.md\n(.*?)// end\n", RegexOptions.Singleline)]
    private static partial Regex Marked();
}
