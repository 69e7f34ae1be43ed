using System.Globalization;
using System.Text.RegularExpressions;

namespace ImageIO.Bench;

/// <summary>
/// The load generator wrk, which takes a tenth of a server's time for a small request, so that two cores suffice.
/// </summary>
/// <param name="place">The place for its scripts.</param>
/// <param name="connections">Connections that it keeps busy.</param>
internal sealed partial class Wrk(Place place, int connections)
{
    /// <summary>The result of one run.</summary>
    /// <param name="Requests">Answered requests.</param>
    /// <param name="PerSecond">Requests per second.</param>
    /// <param name="Median">Median latency in milliseconds.</param>
    /// <param name="Slowest">99th percentile in milliseconds.</param>
    internal sealed record Answer(long Requests, double PerSecond, double Median, double Slowest);

    /// <summary>Repeats one request on each connection.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="script">Lua for requests other than a plain GET.</param>
    /// <param name="seconds">Duration.</param>
    /// <exception cref="BenchException">wrk is not installed, or a request failed.</exception>
    public async Task<Answer> RunAsync(string url, string script, int seconds)
    {
        string file = Path.Combine(place.Memory, "wrk.lua");
        await File.WriteAllTextAsync(file, script);
        string output = await Tool.RunAsync(
            "wrk", "--threads",
            "1", "--connections", $"{connections}", "--duration", $"{seconds}s", "--latency", "--script", file, url);
        return output.Contains("Non-2xx", StringComparison.Ordinal)
            || output.Contains("Socket errors", StringComparison.Ordinal)
            ? throw new BenchException($"small requests failed: {output}")
            : new Answer(
                long.Parse(RequestCount().Match(output).Groups[1].Value, CultureInfo.InvariantCulture),
                double.Parse(Rate().Match(output).Groups[1].Value, CultureInfo.InvariantCulture),
                Milliseconds(Latency50().Match(output)),
                Milliseconds(Latency99().Match(output)));
    }

    private static double Milliseconds(Match time) =>
        double.Parse(time.Groups[1].Value, CultureInfo.InvariantCulture) * time.Groups[2].Value switch
        {
            "us" => 0.001,
            "ms" => 1,
            _ => 1000,
        };

    [GeneratedRegex("([0-9]+) requests in")]
    private static partial Regex RequestCount();

    [GeneratedRegex(@"Requests/sec:\s+([0-9.]+)")]
    private static partial Regex Rate();

    [GeneratedRegex(@"50%\s+([0-9.]+)(us|ms|s)")]
    private static partial Regex Latency50();

    [GeneratedRegex(@"99%\s+([0-9.]+)(us|ms|s)")]
    private static partial Regex Latency99();
}
