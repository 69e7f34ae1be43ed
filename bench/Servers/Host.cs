namespace ImageIO.Bench.Servers;

/// <summary>The address where a server listens, and how to run a program there.</summary>
/// <param name="Address">An IPv4 address.</param>
/// <param name="Enter">The start of a command line that runs the rest of it there; empty: here.</param>
internal sealed record Host(string Address, string[] Enter)
{
    /// <summary>This machine's loopback.</summary>
    public static Host Loopback { get; } = new("127.0.0.1", []);

    /// <summary>Whether its ports can be connected to from here.</summary>
    public bool IsReachable => Enter.Length == 0;
}
