namespace ImageIO.Transport.Sockets;

/// <summary>
/// The slots for connections: those of clients, and those of the host's own services, which stay free for them.
/// </summary>
public sealed class ConnectionCapacity : IDisposable
{
    /// <summary>Divides what the process may use.</summary>
    /// <param name="time">The clock.</param>
    public ConnectionCapacity(TimeProvider time)
        : this(ConnectionLimits.OfThisProcess(), time)
    {
    }

    /// <summary>Makes slots by these limits.</summary>
    internal ConnectionCapacity(ConnectionLimits limits, TimeProvider time)
    {
        Limits = limits;
        Clients = new ConnectionSlots(
            limits.Clients, new Newcomers(limits.Newcomers, limits.NewcomersOfAnAddress, time));
        Host = new ConnectionSlots(limits.Host, new Newcomers(limits.Host, limits.Host, time));
    }

    /// <summary>What the numbers are.</summary>
    public ConnectionLimits Limits { get; }

    /// <summary>For the services that serve images.</summary>
    public ConnectionSlots Clients { get; }

    /// <summary>For control and monitor.</summary>
    public ConnectionSlots Host { get; }

    /// <summary>Connections that were ended to make room for others.</summary>
    public long MadeRoom =>
        Clients.EndedIdle + Clients.Newcomers.Ended + Host.EndedIdle + Host.Newcomers.Ended;

    /// <inheritdoc />
    public void Dispose()
    {
        Clients.Dispose();
        Host.Dispose();
    }
}
