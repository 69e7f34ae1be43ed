using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Backends.Nbd.Transmission;

/// <summary>
/// The connections of one open image. There is one; a further one is opened when the others are busy, and one that
/// broke is replaced when it is needed again.
/// </summary>
internal sealed partial class ConnectionPool : IAsyncDisposable
{
    /// <summary>
    /// Requests that qemu takes at once from one connection; it reads no more before it has answered one.
    /// </summary>
    internal const int BusyRequests = 16;

    // A server that does not greet a further connection has as many clients as it wants, and will have them for a
    // while.
    private static readonly TimeSpan FurtherPause = TimeSpan.FromSeconds(60);

    private readonly Connector _connector;
    private readonly NbdSettings _settings;
    private readonly ILogger _logger;
    private readonly int _most;
    private readonly ITimer _stallTimer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private readonly List<NbdConnection> _connections = [];
    private Task<NbdConnection>? _connecting;
    private Task _growing = Task.CompletedTask;
    private long? _furtherFailed;
    private string? _changed;
    private bool _isDisposed;

    private ConnectionPool(
        Connector connector, NegotiatedConnection first, bool write, NbdSettings settings, ILogger logger)
    {
        _connector = connector;
        _settings = settings;
        _logger = logger;
        Export = first.Export;

        // Without MULTI_CONN a flush covers the writes of its own connection only.
        bool mayHaveSeveral = !write || Export.Has(ExportFlags.MultiConn) || Export.Has(ExportFlags.ReadOnly);
        _most = mayHaveSeveral ? settings.Connections : 1;
        Add(first);
        TimeSpan period = settings.StallTimeout > TimeSpan.Zero ? settings.StallTimeout / 8 : Timeout.InfiniteTimeSpan;
        _stallTimer = settings.Time.CreateTimer(
            static pool => ((ConnectionPool)pool!).CheckStalls(), this, period, period);
    }

    /// <summary>Properties of the export.</summary>
    public ExportInfo Export { get; }

    /// <summary>The server and the export, the same for all their URLs.</summary>
    public string Identity => _connector.Identity;

    /// <summary>The server, the same for all its exports.</summary>
    public string Storage => _connector.Storage;

    /// <summary>The server and the export, for messages.</summary>
    public string Description => _connector.Description;

    /// <summary>Working connections.</summary>
    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _connections.Count;
            }
        }
    }

    /// <summary>Opens the first connection.</summary>
    /// <param name="connector">Opens connections to the export.</param>
    /// <param name="write">Whether the image will be written.</param>
    /// <param name="settings">The configuration.</param>
    /// <param name="logger">The log.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="NbdException">It failed.</exception>
    public static async ValueTask<ConnectionPool> OpenAsync(
        Connector connector, bool write, NbdSettings settings, ILogger logger, CancellationToken cancellationToken)
    {
        NegotiatedConnection first = await connector.ConnectAsync(isFurther: false, cancellationToken);
        return new ConnectionPool(connector, first, write, settings, logger);
    }

    /// <summary>Sends a request on the least busy connection, and waits for its reply.</summary>
    /// <exception cref="TransferException">The server refused, or the connection broke.</exception>
    public async ValueTask RunAsync(NbdRequest request)
    {
        NbdConnection? connection = LeastBusy();
        while (connection is null || !connection.TrySend(request))
        {
            connection = await ReconnectAsync();
        }

        await request.Completion;
    }

    /// <summary>Flushes within a time limit, and closes all connections.</summary>
    /// <exception cref="TransferException">Acknowledged writes may be lost.</exception>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
        }

        try
        {
            await FlushBeforeCloseAsync();
        }
        finally
        {
            await CloseAsync();
        }
    }

    private async ValueTask CloseAsync()
    {
        await _stallTimer.DisposeAsync();
        await _stop.CancelAsync();
        await _growing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await ((Task?)_connecting ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (NbdConnection connection in All())
        {
            await connection.DisposeAsync();
        }

        _stop.Dispose();
    }

    private NbdConnection[] All()
    {
        lock (_lock)
        {
            return [.. _connections];
        }
    }

    private void CheckStalls()
    {
        foreach (NbdConnection connection in All())
        {
            connection.CheckStall(_settings.StallTimeout);
        }
    }

    // Null: no connection. Opens a further one if all are busy.
    private NbdConnection? LeastBusy()
    {
        lock (_lock)
        {
            if (_connections is [var only] && _most == 1)
            {
                return only;
            }

            NbdConnection? least = _connections.MinBy(connection => connection.InFlight);
            if (least is not null && least.InFlight >= BusyRequests && MayGrow())
            {
                _growing = GrowAsync();
            }

            return least;
        }
    }

    private bool MayGrow() => _connections.Count < _most
        && _growing.IsCompleted
        && !_isDisposed
        && (_furtherFailed is not { } failed || _settings.Time.GetElapsedTime(failed) >= FurtherPause);

    private NbdConnection Add(NegotiatedConnection negotiated)
    {
        var connection = new NbdConnection(negotiated, Description, _settings.Time, OnBroken);
        lock (_lock)
        {
            _connections.Add(connection);
        }

        connection.Start();
        return connection;
    }
}
