using ImageIO.Core.Buffers;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;

namespace ImageIO.Core.Backends;

/// <summary>Opens images: asks the registry for the backend, and gives all handles on one image the same locks.</summary>
/// <param name="registry">All backends.</param>
/// <param name="pool">Buffers for the operations on all images.</param>
/// <param name="ringFor">Ring settings by backend name.</param>
/// <param name="meter">Where storage calls are measured. Null: nowhere.</param>
public sealed class ImageOpener(
    BackendRegistry registry, BufferPool pool, Func<string, RingSettings> ringFor, TransferMeter? meter = null)
{
    private readonly Lock _lock = new();

    // By URL as the manager writes it: two tickets on one image carry the same URL. Entries go with their last handle.
    private readonly Dictionary<string, SharedLocks> _locks = new(StringComparer.Ordinal);

    /// <summary>Opens an image.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: it cannot be opened.</exception>
    public async ValueTask<OpenImage> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        IBackendFactory factory = registry.Select(url);
        IBackend backend = await factory.OpenAsync(url, access, cancellationToken);
        RangeLock locks = Share(url.Text);
        try
        {
            return new OpenImage(backend, factory.Name, ringFor(factory.Name), pool, locks, () => Unshare(url.Text), meter);
        }
        catch
        {
            Unshare(url.Text);
            await backend.DisposeAsync();
            throw;
        }
    }

    private RangeLock Share(string url)
    {
        lock (_lock)
        {
            if (!_locks.TryGetValue(url, out SharedLocks? shared))
            {
                _locks[url] = shared = new SharedLocks();
            }

            shared.Handles++;
            return shared.Locks;
        }
    }

    private void Unshare(string url)
    {
        lock (_lock)
        {
            if (--_locks[url].Handles == 0)
            {
                _locks.Remove(url);
            }
        }
    }

    private sealed class SharedLocks
    {
        public RangeLock Locks { get; } = new();

        public int Handles { get; set; }
    }
}
