using System.Globalization;
using System.Text.RegularExpressions;

namespace ImageIO.Bench.Works;

/// <summary>The lower limits of every server: the time of the ciphers, and of OpenSSL's hashes.</summary>
internal static partial class LimitWorks
{
    /// <summary>openssl speed with TLS-sized records, on one core.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        foreach (string algorithm in new[] { "aes-256-gcm", "aes-128-gcm", "blake2b512", "sha256" })
        {
            string command = $"openssl speed -elapsed -seconds 2 -bytes 16384 -evp {algorithm} 2>/dev/null";
            string output = await Tool.RunAsync("/bin/sh", "-c", $"taskset -c {place.ServerCore} {command}");
            double kilobytes = double.Parse(
                ThousandsOfBytes().Match(output).Groups["rate"].Value, CultureInfo.InvariantCulture);
            double perGiB = (1 << 30) / (kilobytes * 1000);
            board.Add(new Row($"{algorithm}, 16 KiB", "openssl speed")
            {
                CpuPerGiB = perGiB,
                GiBPerSecond = 1 / perGiB,
            });
        }
    }

    [GeneratedRegex(@"(?<rate>[0-9.]+)k\s*$")]
    private static partial Regex ThousandsOfBytes();
}
