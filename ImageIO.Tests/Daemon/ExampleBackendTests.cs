using System.IO.Compression;
using System.Net;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Daemon;

/// <summary>The way of a backend's author, from ImageIO's packages to a running daemon.</summary>
public sealed class ExampleBackendTests : IDisposable
{
    // Three restores and five builds on a busy machine.
    private const int Timeout = 600_000;

    // A version that no package cache has seen.
    private const string Version = "0.1.0-example";

    private readonly string _directory = Directory.CreateTempSubdirectory("imageio-example-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact(Timeout = Timeout)]
    [Trait("Speed", "Slow")]
    public async Task Example_backends_built_from_packages_alone_serve_an_upload_and_downloads()
    {
        await PackAsync("ImageIO.Core");
        string plugins = Directory.CreateDirectory(Path.Combine(_directory, "plugins")).FullName;
        await BuildAsync("memory-backend/ImageIO.Backends.Memory", Path.Combine(plugins, "memory"));
        await BuildAsync("gzip-backend/ImageIO.Backends.Gzip", Path.Combine(plugins, "gzip"));

        using var files = new DaemonFiles($"[daemon]\nplugin_dir = {plugins}\ndrop_privileges = false\n");
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        byte[] disk = new byte[10_000_001];
        new Random(1).NextBytes(disk);
        await daemon.InstallAsync(
            TicketBody.For("example", "/", disk.Length, "read", "write").With("url", "memory:disk"));
        using (HttpResponseMessage put = await daemon.Remote.PutAsync("/images/example", new ByteArrayContent(disk)))
        {
            Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        }

        byte[] downloaded = await daemon.Remote.GetByteArrayAsync("/images/example");
        Assert.True(disk.AsSpan().SequenceEqual(downloaded));
        Assert.Contains("memory", files.ReadLog(), StringComparison.Ordinal);

        string compressed = Path.Combine(_directory, "disk.gz");
        await using (var file = new GZipStream(File.Create(compressed), CompressionLevel.Fastest))
        {
            await file.WriteAsync(disk);
        }

        await daemon.InstallAsync(
            TicketBody.For("compressed", "/", disk.Length, "read").With("url", $"gzip://{compressed}"));
        downloaded = await daemon.Remote.GetByteArrayAsync("/images/compressed");
        Assert.True(disk.AsSpan().SequenceEqual(downloaded));
    }

    private Task BuildAsync(string project, string output)
    {
        CopyExample(project.Split('/')[0]);
        return DotnetAsync(
            "build", Path.Combine(_directory, "examples", project), "--output", output,
            $"-p:ImageIOVersion={Version}", $"-p:RestorePackagesPath={Path.Combine(_directory, "packages")}",
            $"-p:RestoreFallbackFolders={PackageCache}");
    }

    private static string PackageCache =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    // Beside the packages, as in the repository.
    private void CopyExample(string example)
    {
        string source = Path.Combine(RepositoryFiles.Root, "examples", example);
        string[] built = ["bin", "obj", "out"];
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(source, file);
            if (!name.Split('/').Intersect(built).Any())
            {
                string copy = Path.Combine(_directory, "examples", example, name);
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }
        }
    }

    // The assemblies that are tested, not built again: only their package is made here.
    private Task PackAsync(string project) => DotnetAsync(
        "pack",
        Path.Combine(RepositoryFiles.Root, project), "--no-build", "--no-restore", "--configuration", Configuration,
        "--output", Path.Combine(_directory, "out", "packages"), $"-p:PackageVersion={Version}");

    private static string Configuration =>
#if DEBUG
        "Debug";
#else
        "Release";
#endif

    private static async Task DotnetAsync(params string[] arguments) =>
        await SystemTool.RunAsync("dotnet", [.. arguments, "--nologo"]);
}
