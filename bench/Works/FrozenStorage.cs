namespace ImageIO.Bench.Works;

/// <summary>A file system on a loop device. While it is frozen, every write to it hangs. Needs root.</summary>
internal sealed class FrozenStorage : IAsyncDisposable
{
    /// <summary>Bytes of an image.</summary>
    public const long ImageSize = 1 << 20;

    private readonly string _directory;
    private bool _isFrozen;

    private FrozenStorage(string directory, IReadOnlyList<string> images)
    {
        _directory = directory;
        Images = images;
    }

    public IReadOnlyList<string> Images { get; }

    /// <summary>Creates it with some images. It is not frozen yet.</summary>
    public static async Task<FrozenStorage> StartAsync(Place place, int images)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new BenchException("a storage that hangs needs root, for a mount");
        }

        string disk = Path.Combine(place.Memory, "frozen-disk");
        await using (FileStream file = File.Create(disk))
        {
            file.SetLength(256L << 20);
        }

        await Tool.RunAsync("mkfs.ext4", "-q", disk);
        string directory = Directory.CreateDirectory(Path.Combine(place.Disk, "frozen")).FullName;
        await Tool.RunAsync("mount", "-o", "loop", disk, directory);
        string[] paths = [.. Enumerable.Range(0, images).Select(i => Path.Combine(directory, $"image-{i}"))];
        foreach (string path in paths)
        {
            await File.WriteAllBytesAsync(path, new byte[ImageSize]);
        }

        return new FrozenStorage(directory, paths);
    }

    /// <summary>Makes writes hang.</summary>
    public async Task FreezeAsync()
    {
        await Tool.RunAsync("fsfreeze", "--freeze", _directory);
        _isFrozen = true;
    }

    /// <summary>Lets the writes end.</summary>
    public async Task ThawAsync()
    {
        if (_isFrozen)
        {
            _isFrozen = false;
            await Tool.RunAsync("fsfreeze", "--unfreeze", _directory);
        }
    }

    /// <summary>Thaws and removes it, when a daemon has closed its images.</summary>
    public async ValueTask DisposeAsync()
    {
        await ThawAsync();
        await Tool.RunAsync("umount", "--lazy", _directory);
    }
}
