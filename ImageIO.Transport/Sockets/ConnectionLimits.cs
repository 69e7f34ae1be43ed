namespace ImageIO.Transport.Sockets;

/// <summary>How many connections may be open at once, derived from the limits of the process.</summary>
/// <param name="Clients">Connections of clients. A further one waits until another is closed.</param>
/// <param name="Host">Connections of the host's own services, control and monitor. Clients cannot use them up.</param>
/// <param name="Descriptors">The process' limit of descriptors.</param>
/// <param name="Memory">The process' limit of memory in bytes.</param>
public sealed record ConnectionLimits(int Clients, int Host, long Descriptors, long Memory)
{
    // The connection's socket, and either its image or the connection to a daemon that it is forwarded on.
    private const int DescriptorsOfAConnection = 2;

    // For short uses: certificates, logs, assemblies, name servers, further descriptors of an image.
    private const int DescriptorsInReserve = 64;

    // Blocks of the HTTP server in both directions, records of TLS, a small buffer, and the objects of all layers.
    private const long MemoryOfAConnection = 256 * 1024;

    // Image buffers and the runtime; docs/configuration.md, Memory.
    private const long MemoryInReserve = 128 * 1024 * 1024;

    private const int MostOfTheHost = 64;
    private const int Fewest = 16;

    // Silent clients and TLS handshakes cost little, but more of them at once are never useful.
    private const int MostNewcomers = 1024;

    /// <summary>Connections that have sent nothing yet, or whose handshake is under way.</summary>
    public int Newcomers => Math.Min(MostNewcomers, Math.Max(Fewest, Clients) / 2);

    /// <summary>Newcomers from one address.</summary>
    public int NewcomersOfAnAddress => Newcomers / 4;

    /// <summary>The limits of this process as it is now. Call it before clients are served.</summary>
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
