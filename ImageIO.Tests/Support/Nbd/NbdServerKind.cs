using ImageIO.Backends.Nbd;
using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Support.Nbd;

/// <summary>
/// Servers of one kind: one process for each size of image, which is zeroed and used again. For the contract suite,
/// whose tests want new images all the time.
/// </summary>
public abstract class NbdServerKind : IAsyncLifetime
{
    private readonly List<(long Size, NbdServer Server, ImageUrl Url)> _servers = [];

    /// <summary>The directory of the servers' files.</summary>
    internal string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("imageio-nbd-").FullName;

    /// <summary>Bytes that sizes of images are multiples of.</summary>
    internal virtual int SizeGranularity => 512;

    /// <summary>How the servers are talked to.</summary>
    internal virtual NbdSettings Settings { get; } = new();

    /// <summary>Opens images.</summary>
    internal NbdBackendFactory Factory => new(Settings, NullLogger<NbdBackendFactory>.Instance);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach ((_, NbdServer server, _) in _servers)
        {
            await server.DisposeAsync();
        }

        System.IO.Directory.Delete(Directory, recursive: true);
    }

    /// <summary>An image that reads as zeroes, of a size or more.</summary>
    internal async Task<ImageUrl> CreateImageAsync(long size)
    {
        long rounded = (size + SizeGranularity - 1) / SizeGranularity * SizeGranularity;
        foreach ((long known, _, ImageUrl used) in _servers)
        {
            if (known == rounded)
            {
                await ZeroAsync(used);
                return used;
            }
        }

        (NbdServer server, ImageUrl url) = await StartAsync(rounded);
        _servers.Add((rounded, server, url));
        return url;
    }

    /// <summary>Starts a server with an image that reads as zeroes.</summary>
    internal abstract Task<(NbdServer Server, ImageUrl Url)> StartAsync(long size);

    /// <summary>A new raw file of zeroes.</summary>
    internal string RawFile(long size)
    {
        string path = Path.Combine(Directory, $"{Guid.NewGuid():N}.raw");
        using FileStream file = File.Create(path);
        file.SetLength(size);
        return path;
    }

    /// <summary>A new qcow2 file without data.</summary>
    internal async Task<string> Qcow2FileAsync(long size)
    {
        string path = Path.Combine(Directory, $"{Guid.NewGuid():N}.qcow2");
        await SystemTool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", path, $"{size}");
        return path;
    }

    private async Task ZeroAsync(ImageUrl url)
    {
        await using IBackend backend = await Factory.OpenAsync(
            url, new ImageAccess(Write: true), CancellationToken.None);
        if (backend.Size == 0)
        {
            return;
        }

        if (!backend.Capabilities.CanZero
            || !await backend.ZeroAsync(0, backend.Size, ZeroMode.Deallocate, CancellationToken.None))
        {
            await backend.WriteAsync(new byte[backend.Size], 0, CancellationToken.None);
        }
    }
}
