using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>A client that downloads by several connections, and leaves some of them in the middle (issue 15, D21).</summary>
[Trait("Needs", "Aria2")]
public sealed class DownloadManagerTests(ProxiedDaemon fixture) : IClassFixture<ProxiedDaemon>
{
    private const int Size = 24 * 1024 * 1024;

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Aria2_gets_the_image_by_eight_connections_and_no_error_is_logged(bool isProxied)
    {
        Skip.IfNot(File.Exists("/usr/bin/aria2c"), "aria2c is not installed");
        byte[] content = Bytes.Random(Size);
        TestImage image = await fixture.AddImageAsync(content, "read");
        int port = isProxied ? fixture.Proxy.Port : fixture.Daemon.RemotePort;
        TestCertificate certificate = isProxied ? fixture.Proxy.Files.Certificate : fixture.Daemon.Files.Certificate;
        DirectoryInfo directory = Directory.CreateTempSubdirectory("imageio-");
        try
        {
            // It drops its first connection when it knows that it may ask for ranges.
            BufferedCommandResult result = await Cli.Wrap("aria2c")
                .WithArguments(
                [
                    "-x8", "-s8", "-k1M", "--quiet", "--no-conf", $"--ca-certificate={certificate.CertificateFile}",
                    "-d", directory.FullName, "-o", "image", $"https://localhost:{port}{image.Url}",
                ])
                .WithValidation(CommandResultValidation.None)
                .ExecuteBufferedAsync();

            Assert.True(result.ExitCode == 0, $"{result.ExitCode}: {result.StandardError}{result.StandardOutput}");
            byte[] received = await File.ReadAllBytesAsync(Path.Combine(directory.FullName, "image"));
            Bytes.AssertEqual(content, received, "the download");
        }
        finally
        {
            directory.Delete(recursive: true);
        }

        await Eventually.HoldsAsync(() => fixture.Proxy.Upstreams.BusyCount == 0, "all transfers have ended");
        foreach (string log in (string[])[fixture.Proxy.ReadLog(), fixture.Daemon.Files.ReadLog()])
        {
            Assert.DoesNotContain("ERROR", log, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", log, StringComparison.Ordinal);
        }
    }
}
