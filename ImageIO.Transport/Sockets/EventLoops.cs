using System.Globalization;
using Microsoft.Extensions.Logging;

namespace ImageIO.Transport.Sockets;

/// <summary>The loops that connections are spread over, one after the other.</summary>
public sealed class EventLoops(ILogger<EventLoops> logger) : IDisposable
{
    // One for each core: a loop's thread decrypts and encrypts what its connections move. More than 8 would only take
    // cores from the storage side.
    private static readonly int Count = Math.Clamp(Environment.ProcessorCount, 1, 8);

    private readonly EventLoop[] _loops = [.. Enumerable.Range(0, Count).Select(index => new EventLoop(index, logger))];
    private readonly string _name = Guid.NewGuid().ToString("N")[..6].ToUpperInvariant();
    private uint _next;
    private ulong _connections;

    /// <summary>Connections open now.</summary>
    internal int Connections => _loops.Sum(loop => loop.Count);

    /// <summary>The loop for one more socket.</summary>
    internal EventLoop Next() => _loops[Interlocked.Increment(ref _next) % (uint)_loops.Length];

    /// <summary>What logs call a new connection.</summary>
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
