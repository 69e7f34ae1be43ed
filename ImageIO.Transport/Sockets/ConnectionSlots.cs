using System.Net;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// Bounds the connections that are open at once. When all slots are taken, a new connection waits while others are
/// closed to make room: first newcomers, then idle ones.
/// </summary>
public sealed class ConnectionSlots : IDisposable
{
    // Another connection may idle by then.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    // A newcomer may have introduced itself by then.
    private static readonly TimeSpan ShortPause = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim _free;
    private long _endedIdle;

    /// <param name="most">Most open connections.</param>
    /// <param name="newcomers">Connections that have not introduced themselves.</param>
    internal ConnectionSlots(int most, Newcomers newcomers)
    {
        Most = most;
        Newcomers = newcomers;
        _free = new(most);
    }

    internal int Most { get; }

    internal Newcomers Newcomers { get; }

    /// <summary>Whether newcomers are so many that they get less time.</summary>
    public bool HasManyNewcomers => Newcomers.AreMany;

    /// <summary>Idle connections that were closed to make room.</summary>
    internal long EndedIdle => _endedIdle;

    /// <summary>
    /// Closes an idle connection, if there is one. Set by the layer that knows which connections are idle.
    /// </summary>
    public Func<bool>? EndAnIdleOne { get; set; }

    /// <summary>Takes a slot, at once if one is free.</summary>
    /// <param name="remote">Address of the new connection.</param>
    /// <param name="isOver">Whether the listener has closed, which ends the wait.</param>
    /// <returns>Whether a slot was taken.</returns>
    internal async ValueTask<bool> TakeAsync(EndPoint? remote, Func<bool> isOver)
    {
        while (!Newcomers.HasRoomFor(remote))
        {
            if (isOver())
            {
                return false;
            }

            await Task.Delay(ShortPause);
        }

        while (!_free.Wait(0))
        {
            if (isOver())
            {
                return false;
            }

            if (!Newcomers.EndSilent() && EndAnIdleOne?.Invoke() == true)
            {
                Interlocked.Increment(ref _endedIdle);
            }

            if (await _free.WaitAsync(Pause))
            {
                break;
            }
        }

        return true;
    }

    internal void GiveBack() => _free.Release();

    /// <inheritdoc />
    public void Dispose() => _free.Dispose();
}
