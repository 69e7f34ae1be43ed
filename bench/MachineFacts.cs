using System.Globalization;
using System.Runtime.InteropServices;

namespace ImageIO.Bench;

/// <summary>The facts that the figures depend on: machine, kernel, versions, and other load.</summary>
internal static class MachineFacts
{
    /// <summary>Cores of the machine, even if this program may use fewer.</summary>
    public static int Cores { get; } =
        File.ReadLines("/proc/cpuinfo").Count(line => line.StartsWith("processor", StringComparison.Ordinal));

    /// <summary>Names and values, in the order of the report.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> CollectAsync()
    {
        var facts = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["date"] = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)
                + " UTC",
            ["processor"] = $"{Cores} x {ProcessorName()}",
            ["memory"] = $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GiB",
            ["load at the start"] = (await File.ReadAllTextAsync("/proc/loadavg")).Split(' ')[0],
            ["kernel"] = (await File.ReadAllTextAsync("/proc/sys/kernel/osrelease")).Trim(),
            [".NET"] = RuntimeInformation.FrameworkDescription,
        };
        foreach ((string tool, string argument) in new[]
        {
            ("openssl", "version"), ("curl", "--version"),
            ("nginx", "-v"), ("nbdkit", "--version"), ("qemu-nbd", "--version"), ("fio", "--version"),
            ("wrk", "--version | head -n 1"),
        })
        {
            facts[tool] = Tool.IsThere(tool)
                ? (await Tool.RunAsync("/bin/sh", "-c", $"PATH=$PATH:/usr/sbin {tool} {argument} 2>&1"))
                    .Split('\n')[0].Trim()
                : "not installed";
        }

        return facts;
    }

    private static string ProcessorName() => File.ReadLines("/proc/cpuinfo")
        .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[^1].Trim()
            ?? "unknown";
}
