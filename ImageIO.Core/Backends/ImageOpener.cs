using System.Diagnostics;
using ImageIO.Core.Buffers;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Core.Backends;

/// <summary>
/// Opens images with the backend for their URL, and gives the handles on one image their shared state.
/// </summary>
public sealed class ImageOpener
{
    private readonly BackendRegistry _registry;
    private readonly BufferPool _pool;
    private readonly Func<string, RingSettings> _ringFor;
    private readonly TransferMeter? _meter;
    private readonly ILogger? _logger;
    private readonly StorageQueue _queue;
    private readonly Lock _lock = new();

    // Images that are being opened, by URL, because nothing else identifies them before they are open.
    private readonly Dictionary<string, (StorageShare Share, int Openings)> _opening = new(StringComparer.Ordinal);

    /// <summary>Creates an opener.</summary>
    /// <param name="registry">All backends.</param>
    /// <param name="pool">Buffers for the operations on all images.</param>
    /// <param name="ringFor">Ring settings by backend name.</param>
    /// <param name="threads">Storage threads.</param>
    /// <param name="meter">Measures storage calls. Null: no measurement.</param>
    /// <param name="logger">Logs images that fail to close. Null: no log.</param>
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

    /// <summary>Busy storage threads.</summary>
    public int BusyThreads => _queue.Busy;

    /// <summary>Storage calls that wait for a thread.</summary>
    public int WaitingCalls => _queue.Waiting;

    /// <summary>State that handles on one image share, and tickets for it keep.</summary>
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
            // First of all, because even the look-up of a path blocks on a file server that cannot be reached.
            await StorageThread.SwitchAsync(share, cancellationToken);
            IBackendFactory factory = _registry.Select(url);
            IBackend backend = await OpenAsync(factory, url, access, cancellationToken);
            // The backend may have continued on another thread, and the size is asked for next.
            await StorageThread.SwitchAsync(share, CancellationToken.None);
            return await HandleAsync(factory, backend, url);
        }
        finally
        {
            OpeningEnded(url);
        }
    }

    private static async ValueTask<IBackend> OpenAsync(
        IBackendFactory factory, ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        long started = TransferTrace.IsWanted ? Stopwatch.GetTimestamp() : 0;
        Exception? failure = null;
        try
        {
            return await factory.OpenAsync(url, access, cancellationToken);
        }
        catch (Exception e) when (ImageHandle.Noted(e, out failure))
        {
            throw;
        }
        finally
        {
            if (started != 0)
            {
                TransferTrace.StorageCallEnded(
                    "open", factory.Name, Stopwatch.GetElapsedTime(started), ImageHandle.ReasonOf(failure));
            }
        }
    }

    // Closes the backend if there can be no handle on it.
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
