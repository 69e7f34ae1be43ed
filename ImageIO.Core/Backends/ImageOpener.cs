using ImageIO.Core.Buffers;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Core.Backends;

/// <summary>Opens images: asks the registry for the backend, and gives all handles on one image what they share.</summary>
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
    /// <summary>What handles on one image share, and tickets for it keep.</summary>
    internal SharedImages Images { get; } = new();

    /// <summary>Opens an image.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: it cannot be opened.</exception>
    public async ValueTask<ImageHandle> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        // Before anything is asked: already the look at a path blocks on a file server out of reach.
        await StorageThread.SwitchAsync(threads);
        IBackendFactory factory = registry.Select(url);
        IBackend backend = await factory.OpenAsync(url, access, cancellationToken);
        string image = $"{factory.Name}:{backend.Identity ?? url.Text}";
        SharedImage shared = Images.Opened(image, url);
        try
        {
            return new ImageHandle(
                backend, factory.Name, ringFor(factory.Name), pool, shared, threads, () => Images.Closed(image), meter, logger);
        }
        catch
        {
            Images.Closed(image);
            await backend.DisposeAsync();
            throw;
        }
    }
}
