using ImageIO.Backends.Rbd.Native;

namespace ImageIO.Backends.Rbd.Clusters;

/// <summary>
/// A connection to a cluster that images share. Every image and every call uses it. Without uses it is closed: at once
/// if it was given up, otherwise after some time.
/// </summary>
internal sealed class ClusterConnection
{
    private readonly TimeSpan _idleTimeout;
    private readonly ITimer _idle;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private int _uses;
    private bool _isGivenUp;
    private bool _isClosing;

    public ClusterConnection(
        ClusterKey key, ClusterHandle cluster, string fsid, TimeSpan idleTimeout, TimeProvider time)
    {
        Key = key;
        Cluster = cluster;
        Fsid = fsid;
        _idleTimeout = idleTimeout;
        _idle = time.CreateTimer(_ => GiveUpIfIdle(), null, idleTimeout, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The cluster's file and the user.</summary>
    public ClusterKey Key { get; }

    public ClusterHandle Cluster { get; }

    public string Fsid { get; }

    /// <summary>Whether new images must use another connection.</summary>
    public bool IsGivenUp
    {
        get
        {
            lock (_lock)
            {
                return _isGivenUp;
            }
        }
    }

    /// <summary>Completes when it is closed.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Takes a use for a new image. False: it was given up.</summary>
    public bool TryUse()
    {
        lock (_lock)
        {
            _uses += _isGivenUp ? 0 : 1;
            return !_isGivenUp;
        }
    }

    /// <summary>Takes a further use, for a caller that has one.</summary>
    public void UseAgain()
    {
        lock (_lock)
        {
            _uses++;
        }
    }

    public void EndUse()
    {
        lock (_lock)
        {
            if (--_uses == 0 && !_isGivenUp)
            {
                _idle.Change(_idleTimeout, Timeout.InfiniteTimeSpan);
            }
        }

        CloseIfUnused();
    }

    /// <summary>Refuses new images, and closes it after the last use.</summary>
    public void GiveUp()
    {
        lock (_lock)
        {
            _isGivenUp = true;
        }

        CloseIfUnused();
    }

    private void GiveUpIfIdle()
    {
        lock (_lock)
        {
            if (_uses > 0)
            {
                return;
            }

            _isGivenUp = true;
        }

        CloseIfUnused();
    }

    private void CloseIfUnused()
    {
        lock (_lock)
        {
            if (!_isGivenUp || _uses > 0 || _isClosing)
            {
                return;
            }

            _isClosing = true;
        }

        _idle.Dispose();
        _ = CloseAsync();
    }

    private async Task CloseAsync()
    {
        try
        {
            await BlockingCall.RunAsync(
                "rbd-close",
                () =>
                {
                    Cluster.Dispose();
                    return true;
                });
        }
        finally
        {
            _ended.TrySetResult();
        }
    }
}
