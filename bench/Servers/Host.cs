namespace ImageIO.Bench.Servers;

/// <summary>Where a server listens, and what must be run to be there.</summary>
/// <param name="Address">An IPv4 address.</param>
/// <param name="Enter">The start of a command line that runs the rest of it there; empty: here.</param>
internal sealed record Host(string Address, string[] Enter)
{
    /// <summary>This machine's loopback.</summary>
    public static Host Loopback { get; } = new("127.0.0.1", []);

    /// <summary>Whether a server that listens at a port can be tried from here.</summary>
    public bool IsReachable => Enter.Length == 0;
}
