using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Client.Local;

/// <summary>An image that a private qemu-nbd serves, and that server.</summary>
internal sealed class QemuBackend(IBackend image, QemuServer server) : IBackend
{
    public long Size => image.Size;

    public int BlockSize => image.BlockSize;

    public BackendCapabilities Capabilities => image.Capabilities;

    public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken) =>
        image.ReadAsync(destination, offset, cancellationToken);

    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken) =>
        image.WriteAsync(source, offset, cancellationToken);

    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken) =>
        image.ZeroAsync(offset, length, mode, cancellationToken);

    public ValueTask FlushAsync(CancellationToken cancellationToken) => image.FlushAsync(cancellationToken);

    public IAsyncEnumerable<Extent> GetExtentsAsync(ExtentContext context, CancellationToken cancellationToken) =>
        image.GetExtentsAsync(context, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await image.DisposeAsync().ConfigureAwait(false);
        await server.DisposeAsync().ConfigureAwait(false);
    }
}
