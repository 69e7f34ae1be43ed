using ImageIO.Backends.Testing;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Backends;

/// <summary>The tests' own backends keep the contract, so that what operations show on them holds on others.</summary>
public abstract class MemoryBackendContractTests : BackendContractTests
{
    private readonly Factory _factory;
    private int _images;

    protected MemoryBackendContractTests(int blockSize, Func<IBackend, IBackend> wrap) => _factory = new Factory(
        blockSize, wrap);

    protected override IBackendFactory CreateFactory() => _factory;

    protected override ValueTask<ImageUrl> CreateImageAsync(long size)
    {
        var url = ImageUrl.Parse($"memory:{_images++}");
        _factory.Images[url.Text] = new byte[size];
        return ValueTask.FromResult(url);
    }

    public sealed class InMemoryWith512ByteBlocks() : MemoryBackendContractTests(512, backend => backend);

    public sealed class InMemoryWith4096ByteBlocks() : MemoryBackendContractTests(4096, backend => backend);

    public sealed class FaultInjectingWithoutFaults() : MemoryBackendContractTests(
        512, backend => new FaultyBackend(backend));

    private sealed class Factory(int blockSize, Func<IBackend, IBackend> wrap) : IBackendFactory
    {
        private readonly Dictionary<string, MemoryBackend> _open = [];

        public Dictionary<string, byte[]> Images { get; } = [];

        public string Name => "memory";

        public IReadOnlyCollection<string> Schemes => ["memory"];

        public bool Accepts(ImageUrl url) => true;

        public ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
        {
            if (!_open.TryGetValue(url.Text, out MemoryBackend? memory))
            {
                _open[url.Text] = memory = new MemoryBackend(blockSize, Images[url.Text]);
            }

            return ValueTask.FromResult(wrap(new Handle(memory, access.Write)));
        }
    }

    /// <summary>One of several handles on one image: closing it closes nothing else.</summary>
    private sealed class Handle(MemoryBackend memory, bool canWrite) : IBackend
    {
        public long Size => memory.Size;

        public int BlockSize => memory.BlockSize;

        public BackendCapabilities Capabilities => canWrite
            ? memory.Capabilities
            : memory.Capabilities with { CanWrite = false, CanZero = false, CanGrow = false };

        public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken) =>
            memory.ReadAsync(destination, offset, cancellationToken);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken) =>
            memory.WriteAsync(source, offset, cancellationToken);

        public ValueTask<bool> ZeroAsync(
            long offset, long length, ZeroMode mode, CancellationToken cancellationToken) =>
            memory.ZeroAsync(offset, length, mode, cancellationToken);

        public ValueTask FlushAsync(CancellationToken cancellationToken) => memory.FlushAsync(cancellationToken);

        public IAsyncEnumerable<Extent> GetExtentsAsync(ExtentContext context, CancellationToken cancellationToken) =>
            memory.GetExtentsAsync(context, cancellationToken);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
