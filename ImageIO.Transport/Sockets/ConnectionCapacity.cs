namespace ImageIO.Transport.Sockets;

/// <summary>The slots for connections of clients, and those reserved for the host's own services.</summary>
public sealed class ConnectionCapacity : IDisposable
{
    /// <summary>Divides the resources of the process.</summary>
    /// <param name="time">The clock.</param>
    public ConnectionCapacity(TimeProvider time)
        : this(ConnectionLimits.OfThisProcess(), time)
    {
    }

    internal ConnectionCapacity(ConnectionLimits limits, TimeProvider time)
    {
        Limits = limits;
        Clients = new ConnectionSlots(
            limits.Clients, new Newcomers(limits.Newcomers, limits.NewcomersOfAnAddress, time));
        Host = new ConnectionSlots(limits.Host, new Newcomers(limits.Host, limits.Host, time));
    }

    /// <summary>The limits in use.</summary>
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
