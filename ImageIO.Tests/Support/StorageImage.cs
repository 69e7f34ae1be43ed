using ImageIO.Backends.File;
using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Support;

/// <summary>
/// An open image for tests of operations, in memory or on a real file with direct I/O. Disposing it fails when a buffer
/// was not given back.
/// </summary>
internal sealed class StorageImage : IAsyncDisposable
{
    /// <summary>Small buffers, so that a few blocks already fill several.</summary>
    public static readonly RingSettings SmallRing = new(bufferSize: 8192, queueDepth: 3);

    private readonly Func<byte[]> _content;
    private readonly ImageDirectory? _directory;
    private readonly SharedFile? _shared;

    private StorageImage(
        ImageHandle image, Func<byte[]> content, ImageDirectory? directory = null, SharedFile? shared = null)
    {
        Image = image;
        _content = content;
        _directory = directory;
        _shared = shared;
    }

    public ImageHandle Image { get; }

    public BufferPool Pool => Image.Pool;

    /// <summary>The stored content, read from outside.</summary>
    public byte[] Content => _content();

    /// <summary>On a real file, where it is.</summary>
    public string Path => _directory!.File("image");

    public static StorageImage On(
        IBackend backend, Func<byte[]> content, RingSettings? ring = null, BufferPool? pool = null,
        SharedImage? shared = null) =>
        new(
            new ImageHandle(
                backend, "test", ring ?? SmallRing, pool ?? NewPool(), shared ?? TestThreads.NewImage()),
            content);

    public static StorageImage On(MemoryBackend memory, RingSettings? ring = null, BufferPool? pool = null) =>
        On(memory, memory.Content, ring, pool);

    public static async Task<StorageImage> CreateAsync(
        StorageKind kind, int blockSize, byte[] content, RingSettings? ring = null)
    {
        if (kind == StorageKind.Memory)
        {
            return On(new MemoryBackend(blockSize, content), ring);
        }

        var directory = new ImageDirectory();
        string path = directory.File("image");
        await File.WriteAllBytesAsync(path, content);
        var shared = new SharedFile();
        FileBackend backend = OpenFile(path, blockSize, shared);
        return new StorageImage(
            new ImageHandle(backend, "file", ring ?? SmallRing, NewPool(), TestThreads.NewImage()),
            () => File.ReadAllBytes(path),
            directory,
            shared);
    }

    public static FileBackend OpenFile(string path, int blockSize, SharedFile shared)
    {
        var file = DirectFile.Open(path, write: true);
        Assert.True(file.IsDirect, $"{path} was opened without direct I/O");
        return new FileBackend(file, blockSize, canWrite: true, shared);
    }

    /// <summary>Another handle on the same file, as a second ticket has one.</summary>
    public ImageHandle OpenAgain() =>
        new(OpenFile(Path, Image.BlockSize, _shared!), "file", Image.Ring, Pool, Image.Shared);

    public Task WriteAsync(long offset, byte[] data, bool flush = false) => WriteAsync(Image, offset, data, flush);

    public static Task WriteAsync(ImageHandle image, long offset, byte[] data, bool flush = false) =>
        new WriteOperation(image, offset, data.Length, long.MaxValue, new ScriptedSource(data), flush)
            .RunAsync(CancellationToken.None);

    public Task ZeroAsync(long offset, long length, ZeroMode mode = ZeroMode.Allocate) =>
        new ZeroOperation(Image, offset, length, long.MaxValue, mode, flush: false).RunAsync(CancellationToken.None);

    public async Task<byte[]> ReadAsync(long offset, long length)
    {
        var client = new ScriptedDestination();
        await new ReadOperation(Image, await Image.GetSizeAsync(), ByteRange.At(offset, length), client)
            .RunAsync(CancellationToken.None);
        return client.Received;
    }

    public async ValueTask DisposeAsync()
    {
        await Image.DisposeAsync();
        _shared?.Dispose();
        _directory?.Dispose();
        Assert.Equal(0, Pool.RentedBytes + Pool.SmallBytes);
        Pool.Dispose();
    }

    private static BufferPool NewPool() => new(4 * 1024 * 1024);
}
