namespace ImageIO.Bench.Works;

/// <summary>Through the proxy, TLS on both sides.</summary>
internal static class ProxyWorks
{
    /// <summary>Beside nginx in front of the same daemon.</summary>
    public static Task RunAsync(Place place, Scoreboard board) => throw new BenchException("the proxy does not forward yet");
}
