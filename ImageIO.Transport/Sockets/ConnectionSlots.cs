using System.Net;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// Bounds the connections that are open at once. When all slots are taken, a new connection waits, and others are asked
/// to make room: first newcomers, then those that idle.
/// </summary>
public sealed class ConnectionSlots : IDisposable
{
    // Another connection may idle by then.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    // A newcomer may have introduced itself by then.
    private static readonly TimeSpan ShortPause = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim _free;
    private long _endedIdle;

    /// <param name="most">How many.</param>
    /// <param name="newcomers">Those that have not introduced themselves.</param>
    internal ConnectionSlots(int most, Newcomers newcomers)
    {
        Most = most;
        Newcomers = newcomers;
        _free = new(most);
    }

    /// <summary>How many connections may be open at once.</summary>
    internal int Most { get; }

    /// <summary>Newcomers among the connections.</summary>
    internal Newcomers Newcomers { get; }

    /// <summary>Whether there are so many newcomers that they must be patient for a shorter time.</summary>
    public bool HasManyNewcomers => Newcomers.AreMany;

    /// <summary>Connections that idled and were ended because there was one too many.</summary>
    internal long EndedIdle => _endedIdle;

    /// <summary>Ends a connection that idles, if there is one; set by the layer that knows what idling is.</summary>
    public Func<bool>? EndAnIdleOne { get; set; }

    /// <summary>Takes a slot, at once if one is free.</summary>
    /// <param name="remote">Where the new connection comes from.</param>
    /// <param name="isOver">Whether the listener has closed: then there is nothing to wait for.</param>
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

    /// <summary>Gives a slot back.</summary>
    internal void GiveBack() => _free.Release();

    /// <inheritdoc />
    public void Dispose() => _free.Dispose();
}
