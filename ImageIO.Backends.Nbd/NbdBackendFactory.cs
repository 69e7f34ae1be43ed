using ImageIO.Backends.Nbd.Addresses;
using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Backends.Nbd.Transmission;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Backends.Nbd;

/// <summary>
/// Opens images that an NBD server exports: qemu-nbd over a raw or qcow2 volume, qemu itself, nbdkit.
/// </summary>
public sealed class NbdBackendFactory : IBackendFactory
{
    private const string BackendName = "nbd";

    private readonly NbdSettings _settings;
    private readonly ILogger<NbdBackendFactory> _logger;

    /// <summary>With the options of section <c>[backend_nbd]</c>.</summary>
    public NbdBackendFactory(IBackendSections sections, ILogger<NbdBackendFactory> logger)
        : this(
            NbdSettings.Read((sections ?? throw new ArgumentNullException(nameof(sections))).Of(BackendName)),
            logger)
    {
    }

    /// <summary>With explicit settings, for programs other than the daemon.</summary>
    public NbdBackendFactory(NbdSettings settings, ILogger<NbdBackendFactory> logger)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(logger);
        _settings = settings;
        _logger = logger;
    }

    /// <inheritdoc />
    public string Name => BackendName;

    /// <inheritdoc />
    public IReadOnlyCollection<string> Schemes => NbdUrl.Schemes;

    /// <summary>True: no other backend has these schemes. What is wrong with a URL is said when it is opened.</summary>
    public bool Accepts(ImageUrl url) => true;

    /// <inheritdoc />
    public async ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(url);
        ConnectionPool? pool = null;
        try
        {
            var connector = new Connector(NbdUrl.Parse(url), access.Dirty, _settings);
            pool = await ConnectionPool.OpenAsync(connector, access.Write, _settings, _logger, cancellationToken);
            if (access.Write && pool.Export.Has(ExportFlags.ReadOnly))
            {
                throw new NbdException("the export is read-only, and the ticket permits writing");
            }

            return new NbdBackend(pool, access, _logger);
        }
        catch (Exception e) when (e is FormatException or NbdException)
        {
            await (pool?.DisposeAsync() ?? ValueTask.CompletedTask);
            throw new TransferException(TransferError.ImageUnavailable, $"{url} cannot be opened: {e.Message}", e);
        }
    }
}
