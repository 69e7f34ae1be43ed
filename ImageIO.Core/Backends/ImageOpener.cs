using ImageIO.Core.Buffers;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Core.Backends;

/// <summary>Opens images: asks the registry for the backend, and gives all handles on one image the same locks.</summary>
/// <param name="registry">All backends.</param>
/// <param name="pool">Buffers for the operations on all images.</param>
/// <param name="ringFor">Ring settings by backend name.</param>
/// <param name="threads">Threads that storage is called on.</param>
/// <param name="meter">Where storage calls are measured. Null: nowhere.</param>
/// <param name="logger">Gets a line when an image fails to close. Null: no line.</param>
public sealed class ImageOpener(
    BackendRegistry registry,
    BufferPool pool,
    Func<string, RingSettings> ringFor,
    IStorageThreads threads,
    TransferMeter? meter = null,
    ILogger<ImageOpener>? logger = null)
{
    private readonly Lock _lock = new();

    // By backend and what it says is the image: a path has many spellings, and links. Entries go with their last handle.
    private readonly Dictionary<string, SharedLocks> _locks = new(StringComparer.Ordinal);

    /// <summary>Opens an image.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: it cannot be opened.</exception>
    public async ValueTask<ImageHandle> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        // Before anything is asked: already the look at a path blocks on a file server out of reach.
        await StorageThread.SwitchAsync(threads);
        IBackendFactory factory = registry.Select(url);
        IBackend backend = await factory.OpenAsync(url, access, cancellationToken);
        string image = $"{factory.Name}:{backend.Identity ?? url.Text}";
        RangeLock locks = Share(image);
        try
        {
            return new ImageHandle(
                backend, factory.Name, ringFor(factory.Name), pool, locks, threads, () => Unshare(image), meter, logger);
        }
        catch
        {
            Unshare(image);
            await backend.DisposeAsync();
            throw;
        }
    }

    private RangeLock Share(string image)
    {
        lock (_lock)
        {
            if (!_locks.TryGetValue(image, out SharedLocks? shared))
            {
                _locks[image] = shared = new SharedLocks();
            }

            shared.Handles++;
            return shared.Locks;
        }
    }

    private void Unshare(string image)
    {
        lock (_lock)
        {
            if (--_locks[image].Handles == 0)
            {
                _locks.Remove(image);
            }
        }
    }

    private sealed class SharedLocks
    {
        public RangeLock Locks { get; } = new();

        public int Handles { get; set; }
    }
}
