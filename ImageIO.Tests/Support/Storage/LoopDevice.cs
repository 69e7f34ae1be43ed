namespace ImageIO.Tests.Support.Storage;

/// <summary>A loop device, usually on a sparse file of its own.</summary>
internal sealed class LoopDevice : IAsyncDisposable
{
    // Keeps the device alive. It was detached already, which the kernel puts off until its last user closes it: when
    // the test process dies, the device goes with it.
    private readonly FileStream _hold;
    private readonly bool _ownsFile;

    private LoopDevice(string path, string backingFile, FileStream hold, bool ownsFile)
    {
        Path = path;
        BackingFile = backingFile;
        _hold = hold;
        _ownsFile = ownsFile;
    }

    /// <summary>Why there are no loop devices here. Null: there are.</summary>
    public static string? WhyNot => SystemTool.WhyNot("losetup");

    /// <summary>The device.</summary>
    public string Path { get; }

    /// <summary>The file behind it.</summary>
    public string BackingFile { get; }

    /// <summary>Makes a device that reads as zeroes.</summary>
    /// <param name="size">Bytes, rounded up to a whole sector.</param>
    /// <param name="sectorSize">512 or 4096 bytes.</param>
    public static async Task<LoopDevice> CreateAsync(long size, int sectorSize = 512)
    {
        string file = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"imageio-loop-{Guid.NewGuid():N}");
        await using (FileStream created = File.Create(file))
        {
            created.SetLength((size + sectorSize - 1) / sectorSize * sectorSize);
        }

        return await CreateOnAsync(file, sectorSize, ownsFile: true);
    }

    /// <summary>Creates a device on an existing file, or on a partition in it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="sectorSize">512 or 4096 bytes.</param>
    /// <param name="offset">Start of the partition in bytes.</param>
    /// <param name="ownsFile">Whether the file is removed with the device.</param>
    public static async Task<LoopDevice> CreateOnAsync(
        string file, int sectorSize = 512, long offset = 0, bool ownsFile = false)
    {
        string path = await SystemTool.RunAsync(
            "losetup", "--find", "--show", "--sector-size", $"{sectorSize}", "--offset", $"{offset}", file);
        var hold = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        await SystemTool.RunAsync("losetup", "--detach", path);
        return new LoopDevice(path, file, hold, ownsFile);
    }

    /// <summary>Changes the size of the device while it is in use.</summary>
    public async Task ResizeAsync(long size)
    {
        await using (var backing = new FileStream(BackingFile, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            backing.SetLength(size);
        }

        await SystemTool.RunAsync("losetup", "--set-capacity", Path);
    }

    public async ValueTask DisposeAsync()
    {
        await _hold.DisposeAsync();
        if (_ownsFile)
        {
            File.Delete(BackingFile);
        }
    }
}
