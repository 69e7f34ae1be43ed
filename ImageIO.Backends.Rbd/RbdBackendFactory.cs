using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Backends.Rbd.Images;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Backends.Rbd.Urls;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Backends.Rbd;

/// <summary>Opens images of Ceph clusters through the system's librbd.</summary>
public sealed class RbdBackendFactory : IBackendFactory, IDisposable, IAsyncDisposable
{
    private const string BackendName = "rbd";

    private readonly RbdSettings _settings;
    private readonly ILogger<RbdBackendFactory> _logger;
    private readonly ClusterConnections _connections;
    private int _openImages;

    /// <summary>With the options of section <c>[backend_rbd]</c>.</summary>
    public RbdBackendFactory(IBackendSections sections, ILogger<RbdBackendFactory> logger)
        : this(
            RbdSettings.Read((sections ?? throw new ArgumentNullException(nameof(sections))).Of(BackendName)), logger)
    {
    }

    /// <summary>With settings of the caller's, for programs other than the daemon.</summary>
    public RbdBackendFactory(RbdSettings settings, ILogger<RbdBackendFactory> logger)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(logger);
        _settings = settings;
        _logger = logger;
        _connections = new ClusterConnections(settings, logger);
        Unavailable = RbdLibrary.Unavailable;
    }

    /// <inheritdoc />
    public string Name => BackendName;

    /// <inheritdoc />
    public IReadOnlyCollection<string> Schemes => [RbdUrl.Scheme];

    /// <inheritdoc />
    public string? Unavailable { get; }

    /// <summary>Connections to clusters that there are, with those that are being closed.</summary>
    internal int Connections => _connections.Count;

    /// <inheritdoc />
    public string? Refusal(ImageUrl url)
    {
        ArgumentNullException.ThrowIfNull(url);
        try
        {
            KeyOf(RbdUrl.Parse(url));
            return null;
        }
        catch (FormatException e)
        {
            return $"Invalid URL of a Ceph image: {e.Message}";
        }
    }

    /// <summary>True: no other backend has this scheme.</summary>
    public bool Accepts(ImageUrl url) => true;

    /// <inheritdoc />
    public async ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(url);
        RbdUrl place = Parse(url);
        if (access.Write && place.Snapshot is not null)
        {
            throw new TransferException(
                TransferError.ImageUnavailable, $"{place} cannot be opened for writing: it is a snapshot");
        }

        try
        {
            return await OpenOnceAsync(place, access, cancellationToken);
        }
        catch (RbdException e) when (-e.Result == Errno.ESHUTDOWN)
        {
            // The cluster has blocklisted the connection, which was given up; a new one may be welcome.
            return await OpenAgainAsync(place, access, cancellationToken);
        }
        catch (RbdException e)
        {
            throw Failure(place, e);
        }
    }

    /// <summary>Closes the connections as their images are closed, without waiting for it.</summary>
    public void Dispose() => _connections.GiveUpAll();

    /// <summary>Closes the connections, and waits for that.</summary>
    public ValueTask DisposeAsync() => _connections.DisposeAsync();

    private async ValueTask<IBackend> OpenAgainAsync(
        RbdUrl place, ImageAccess access, CancellationToken cancellationToken)
    {
        try
        {
            return await OpenOnceAsync(place, access, cancellationToken);
        }
        catch (RbdException e)
        {
            throw Failure(place, e);
        }
    }

    private async ValueTask<IBackend> OpenOnceAsync(
        RbdUrl place, ImageAccess access, CancellationToken cancellationToken)
    {
        ClusterConnection connection = await _connections.UseAsync(KeyOf(place), cancellationToken);
        try
        {
            OpenImage image = await new ImageOpening(connection, place, access, _settings, _logger).OpenAsync();
            Interlocked.Increment(ref _openImages);
            return new RbdBackend(image, access, _settings, ImageClosed);
        }
        catch (RbdException e) when (-e.Result == Errno.ESHUTDOWN)
        {
            connection.GiveUp();
            throw;
        }
    }

    // What librbd's buffers leave behind would stay the daemon's.
    private void ImageClosed()
    {
        if (Interlocked.Decrement(ref _openImages) == 0)
        {
            LibC.TrimMemory();
        }
    }

    private ClusterKey KeyOf(RbdUrl url)
    {
        string conf = url.Conf ?? _settings.ConfFiles[0];
        return _settings.ConfFiles.Contains(conf)
            ? new ClusterKey(conf, url.Id ?? _settings.Id)
            : throw new FormatException("the file of the option 'conf' is none of those in conf of [backend_rbd]");
    }

    private static RbdUrl Parse(ImageUrl url)
    {
        try
        {
            return RbdUrl.Parse(url);
        }
        catch (FormatException e)
        {
            throw new TransferException(TransferError.ImageUnavailable, $"Invalid URL of a Ceph image: {e.Message}", e);
        }
    }

    private static TransferException Failure(RbdUrl place, RbdException e) => -e.Result is Errno.EPERM or Errno.EACCES
        ? new TransferException(
            TransferError.ImageUnavailable,
            $"{place} cannot be opened: the user's capabilities do not permit it; give it 'profile rbd' for the pool",
            e)
        : RbdFailure.Of($"{e.Call} on {place}", e.Result);
}
