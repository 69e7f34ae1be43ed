using ImageIO.Backends.Rbd.Native;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Backends.Rbd.Clusters;

/// <summary>The connections of one host, one for each cluster and user, opened on demand. Thread-safe.</summary>
internal sealed partial class ClusterConnections(RbdSettings settings, ILogger logger) : IAsyncDisposable
{
    private readonly Connector _connector = new(settings);
    private readonly Lock _lock = new();

    // Guarded by the lock. Includes running attempts, and connections that may have been given up.
    private readonly Dictionary<ClusterKey, Task<ClusterConnection>> _connections = [];
    private readonly HashSet<Task> _closing = [];

    /// <summary>Existing connections, including those that are being closed.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _connections.Count + _closing.Count;
            }
        }
    }

    /// <summary>A connection, with a use that the caller must end.</summary>
    /// <exception cref="TransferException">The connection failed.</exception>
    public async Task<ClusterConnection> UseAsync(ClusterKey key, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task<ClusterConnection> connecting = Find(key);
            ClusterConnection connection = await connecting.WaitAsync(cancellationToken);
            if (connection.TryUse())
            {
                return connection;
            }

            Forget(key, connecting);
        }
    }

    /// <summary>Closes all connections after their images, and waits at most as long as for connecting.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] ending = [.. GiveUpAll()];
        await Task.WhenAll(ending).WaitAsync(settings.ConnectTimeout, settings.Time)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Closes all connections after their images.</summary>
    public IEnumerable<Task> GiveUpAll()
    {
        KeyValuePair<ClusterKey, Task<ClusterConnection>>[] all;
        lock (_lock)
        {
            all = [.. _connections];
        }

        foreach ((ClusterKey key, Task<ClusterConnection> connecting) in all)
        {
            Forget(key, connecting);
        }

        lock (_lock)
        {
            return [.. _closing];
        }
    }

    private Task<ClusterConnection> Find(ClusterKey key)
    {
        lock (_lock)
        {
            if (_connections.TryGetValue(key, out Task<ClusterConnection>? known) && !known.IsFaulted)
            {
                return known;
            }

            Task<ClusterConnection> connecting = ConnectAsync(key);
            _ = ForgetEndedAsync(key, connecting);
            return _connections[key] = connecting;
        }
    }

    private async Task ForgetEndedAsync(ClusterKey key, Task<ClusterConnection> connecting)
    {
        await ((Task)connecting).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        if (connecting.IsCompletedSuccessfully)
        {
            await (await connecting).Ended;
        }

        Forget(key, connecting);
    }

    private async Task<ClusterConnection> ConnectAsync(ClusterKey key)
    {
        Task<(ClusterHandle Cluster, string Fsid)> connecting =
            BlockingCall.RunAsync("rbd-connect", () => _connector.Connect(key));
        try
        {
            // Ceph's own limit is shorter, where it works.
            (ClusterHandle cluster, string fsid) = await connecting.WaitAsync(
                settings.ConnectTimeout * 1.5, settings.Time);
            var connection = new ClusterConnection(key, cluster, fsid, settings.IdleTimeout, settings.Time);
            Log.Connected(logger, key.Conf, key.Id, fsid);
            return connection;
        }
        catch (TimeoutException e)
        {
            Track(CloseLateAsync(connecting));
            throw new TransferException(
                TransferError.ImageUnavailable,
                $"Connecting to {key} failed: it did not end within {settings.ConnectTimeout.TotalSeconds * 1.5} s",
                e);
        }
    }

    private static async Task CloseLateAsync(Task<(ClusterHandle Cluster, string Fsid)> connecting)
    {
        await ((Task)connecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (connecting.IsCompletedSuccessfully)
        {
            ClusterHandle cluster = (await connecting).Cluster;
            await BlockingCall.RunAsync(
                "rbd-close",
                () =>
                {
                    cluster.Dispose();
                    return true;
                });
        }
    }

    // Removes a connection that new images must not use.
    private void Forget(ClusterKey key, Task<ClusterConnection> connecting)
    {
        lock (_lock)
        {
            if (!_connections.TryGetValue(key, out Task<ClusterConnection>? known) || known != connecting)
            {
                return;
            }

            _connections.Remove(key);
        }

        Track(EndAsync(connecting));
    }

    private static async Task EndAsync(Task<ClusterConnection> connecting)
    {
        await ((Task)connecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (connecting.IsCompletedSuccessfully)
        {
            ClusterConnection connection = await connecting;
            connection.GiveUp();
            await connection.Ended;
        }
    }

    private void Track(Task closing)
    {
        lock (_lock)
        {
            _closing.Add(closing);
        }

        _ = closing.ContinueWith(
            ended =>
            {
                lock (_lock)
                {
                    _closing.Remove(ended);
                }
            },
            CancellationToken.None,
            TaskContinuationOptions.None,
            TaskScheduler.Default);
    }

    private static partial class Log
    {
        [LoggerMessage(90, LogLevel.Information, "Connected to the Ceph cluster of {Conf} as client.{Id}, fsid {Fsid}")]
        public static partial void Connected(ILogger logger, string conf, string id, string fsid);
    }
}
