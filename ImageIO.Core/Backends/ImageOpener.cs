using ImageIO.Core.Buffers;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Core.Backends;

/// <summary>Opens images: asks the registry for the backend, and gives all handles on one image what they
/// share.</summary>
public sealed class ImageOpener
{
    private readonly BackendRegistry _registry;
    private readonly BufferPool _pool;
    private readonly Func<string, RingSettings> _ringFor;
    private readonly TransferMeter? _meter;
    private readonly ILogger? _logger;
    private readonly StorageQueue _queue;
    private readonly Lock _lock = new();

    // Images that are being opened, by URL: until one is open, nothing else says which it is.
    private readonly Dictionary<string, (StorageShare Share, int Openings)> _opening = new(StringComparer.Ordinal);

    /// <summary>Creates an opener.</summary>
    /// <param name="registry">All backends.</param>
    /// <param name="pool">Buffers for the operations on all images.</param>
    /// <param name="ringFor">Ring settings by backend name.</param>
    /// <param name="threads">Threads that storage is called on.</param>
    /// <param name="meter">Where storage calls are measured. Null: nowhere.</param>
    /// <param name="logger">Gets a line when an image fails to close. Null: no line.</param>
    public ImageOpener(
        BackendRegistry registry,
        BufferPool pool,
        Func<string, RingSettings> ringFor,
        IStorageThreads threads,
        TransferMeter? meter = null,
        ILogger<ImageOpener>? logger = null)
    {
        _registry = registry;
        _pool = pool;
        _ringFor = ringFor;
        _meter = meter;
        _logger = logger;
        _queue = new StorageQueue(threads);
        Images = new SharedImages(_queue);
    }

    /// <summary>Storage threads that are busy.</summary>
    public int BusyThreads => _queue.Busy;

    /// <summary>Storage calls that wait for a thread.</summary>
    public int WaitingCalls => _queue.Waiting;

    /// <summary>What handles on one image share, and tickets for it keep.</summary>
    internal SharedImages Images { get; }

    /// <summary>Opens an image.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: it cannot be
    /// opened.</exception>
    public async ValueTask<ImageHandle> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(url);
        StorageShare share = OpeningStarts(url);
        try
        {
            // Before anything is asked: already the look at a path blocks on a file server that cannot be reached.
            await StorageThread.SwitchAsync(share, cancellationToken);
            IBackendFactory factory = _registry.Select(url);
            IBackend backend = await factory.OpenAsync(url, access, cancellationToken);
            // A backend may continue elsewhere, and what comes now asks the image for its size.
            await StorageThread.SwitchAsync(share, CancellationToken.None);
            return await HandleAsync(factory, backend, url);
        }
        finally
        {
            OpeningEnded(url);
        }
    }

    // A handle on an open backend, which is closed when there can be none.
    private async ValueTask<ImageHandle> HandleAsync(IBackendFactory factory, IBackend backend, ImageUrl url)
    {
        string image = $"{factory.Name}:{backend.Identity ?? url.Text}";
        SharedImage shared = Images.Opened(image, $"{factory.Name}:{backend.Storage}", url);
        try
        {
            return new ImageHandle(
                backend, factory.Name, _ringFor(factory.Name), _pool, shared, () => Images.Closed(image), _meter,
                _logger);
        }
        catch
        {
            Images.Closed(image);
            await backend.DisposeAsync();
            throw;
        }
    }

    private StorageShare OpeningStarts(ImageUrl url)
    {
        lock (_lock)
        {
            (StorageShare share, int openings) = _opening.TryGetValue(url.Text, out var entry)
                ? entry
                : (new StorageShare(_queue), 0);
            _opening[url.Text] = (share, openings + 1);
            return share;
        }
    }

    private void OpeningEnded(ImageUrl url)
    {
        lock (_lock)
        {
            (StorageShare share, int openings) = _opening[url.Text];
            if (openings == 1)
            {
                _opening.Remove(url.Text);
            }
            else
            {
                _opening[url.Text] = (share, openings - 1);
            }
        }
    }
}
