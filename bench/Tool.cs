using System.ComponentModel;
using System.Diagnostics;

namespace ImageIO.Bench;

/// <summary>Runs other programs: clients, and those that prepare or describe the machine.</summary>
internal static class Tool
{
    // Only a program that hangs takes longer.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    /// <summary>Whether a program is installed.</summary>
    public static bool IsThere(string name) => Path(name) is not null;

    /// <summary>Path of a program. Null: not installed.</summary>
    public static string? Path(string name) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin"
            .Split(':')
            .Select(directory => System.IO.Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);

    /// <summary>Runs a program and returns its standard output.</summary>
    /// <exception cref="BenchException">It is not installed, fails, or hangs.</exception>
    public static async Task<string> RunAsync(string name, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path(name) ?? name, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new BenchException($"{name} cannot be started: {e.Message}");
        }

        using (process)
        using (var timeout = new CancellationTokenSource(Longest))
        {
            try
            {
                Task<string> errors = process.StandardError.ReadToEndAsync(timeout.Token);
                string output = await process.StandardOutput.ReadToEndAsync(timeout.Token);
                await process.WaitForExitAsync(timeout.Token);
                return process.ExitCode == 0
                    ? output
                    : throw new BenchException($"{name} ended with {process.ExitCode}: {(await errors).Trim()}");
            }
            catch (OperationCanceledException)
            {
                process.Kill();
                throw new BenchException($"{name} did not end in {Longest.TotalSeconds} s");
            }
        }
    }
}
