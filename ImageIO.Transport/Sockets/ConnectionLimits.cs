namespace ImageIO.Transport.Sockets;

/// <summary>How many connections may be open at once, derived from what the process may use.</summary>
/// <param name="Clients">Connections of clients. One more waits until another has gone.</param>
/// <param name="Host">Connections of the host's own services, control and monitor, which clients cannot use up.</param>
/// <param name="Descriptors">The process' limit of descriptors, which this follows from.</param>
/// <param name="Memory">The process' limit of memory in bytes, which this follows from.</param>
public sealed record ConnectionLimits(int Clients, int Host, long Descriptors, long Memory)
{
    // A connection's socket, and the image that it opens or the connection to a daemon that it is forwarded on.
    private const int DescriptorsOfAConnection = 2;

    // What is opened for a moment: certificates, logs, assemblies, name servers, several descriptors of one image.
    private const int DescriptorsInReserve = 64;

    // Blocks of the HTTP server in both directions, records of TLS, a small buffer, and the objects of all layers.
    private const long MemoryOfAConnection = 256 * 1024;

    // Image buffers and the runtime; docs/configuration.md, Memory.
    private const long MemoryInReserve = 128 * 1024 * 1024;

    private const int MostOfTheHost = 64;
    private const int Fewest = 16;

    // TLS handshakes and silent clients cost little, but nobody needs more of them at once.
    private const int MostNewcomers = 1024;

    /// <summary>Connections that have sent nothing yet, or whose handshake is under way.</summary>
    public int Newcomers => Math.Min(MostNewcomers, Math.Max(Fewest, Clients) / 2);

    /// <summary>The same from one address.</summary>
    public int NewcomersOfAnAddress => Newcomers / 4;

    /// <summary>The limits of this process, as it is now: before clients are served.</summary>
    public static ConnectionLimits OfThisProcess() => From(
        LibC.GetLimit(
            LibC.RLIMIT_NOFILE, out ResourceLimit limit) == 0 ? (long)Math.Min(limit.Current, int.MaxValue) : 1024,
        Directory.EnumerateFileSystemEntries("/proc/self/fd").Count(),
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    /// <summary>Derives the limits.</summary>
    /// <param name="descriptors">Most descriptors.</param>
    /// <param name="used">Descriptors in use.</param>
    /// <param name="memory">Most memory in bytes.</param>
    public static ConnectionLimits From(long descriptors, int used, long memory)
    {
        long free = descriptors - used - DescriptorsInReserve;
        int host = (int)Math.Clamp(free / 8, 1, MostOfTheHost);
        long clients = Math.Min(
            (free - host) / DescriptorsOfAConnection, (memory - MemoryInReserve) / MemoryOfAConnection);
        return new ConnectionLimits((int)Math.Clamp(clients, Fewest, int.MaxValue / 2), host, descriptors, memory);
    }
}
