using System.Globalization;
using System.Text.RegularExpressions;

namespace ImageIO.Bench;

/// <summary>
/// The load generator wrk: a client in C that takes a tenth of a server's time for a small request, so that on two
/// cores it is the server that is measured.
/// </summary>
/// <param name="place">Where its scripts go.</param>
/// <param name="connections">How many it keeps busy.</param>
internal sealed partial class Wrk(Place place, int connections)
{
    /// <summary>What one run told.</summary>
    /// <param name="Requests">How many were answered.</param>
    /// <param name="PerSecond">How many a second.</param>
    /// <param name="Median">Half took no longer, in milliseconds.</param>
    /// <param name="Slowest">99 of 100 took no longer, in milliseconds.</param>
    internal sealed record Answer(long Requests, double PerSecond, double Median, double Slowest);

    /// <summary>Sends one request over and over on each connection.</summary>
    /// <param name="url">Where to.</param>
    /// <param name="script">Lua that says what differs from a plain GET.</param>
    /// <param name="seconds">For how long.</param>
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
