using System.Globalization;
using Microsoft.Extensions.Logging;

namespace ImageIO.Transport.Sockets;

/// <summary>The event loops, to which connections are assigned in turn.</summary>
public sealed class EventLoops(ILogger<EventLoops> logger) : IDisposable
{
    // One for each core, because a loop's thread encrypts and decrypts. More than 8 would only take cores from storage.
    private static readonly int Count = Math.Clamp(Environment.ProcessorCount, 1, 8);

    private readonly EventLoop[] _loops = [.. Enumerable.Range(0, Count).Select(index => new EventLoop(index, logger))];
    private readonly string _name = Guid.NewGuid().ToString("N")[..6].ToUpperInvariant();
    private uint _next;
    private ulong _connections;

    internal int Connections => _loops.Sum(loop => loop.Count);

    /// <summary>The loop for the next socket.</summary>
    internal EventLoop Next() => _loops[Interlocked.Increment(ref _next) % (uint)_loops.Length];

    /// <summary>The name of a new connection in logs.</summary>
    internal string NextConnectionId() =>
        string.Create(CultureInfo.InvariantCulture, $"T{_name}{Interlocked.Increment(ref _connections):X6}");

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (EventLoop loop in _loops)
        {
            loop.Dispose();
        }
    }
}
