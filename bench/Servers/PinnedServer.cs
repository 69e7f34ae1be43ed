using System.Diagnostics;
using System.Globalization;

namespace ImageIO.Bench.Servers;

/// <summary>A server's process on cores of its own, with the kernel's accounting.</summary>
internal sealed class PinnedServer : IAsyncDisposable
{
    // USER_HZ, the unit of times in /proc (proc(5)), is the same on all our architectures.
    private const double TicksPerSecond = 100;

    // A start takes a fraction of this, unless many others want the same core.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Process _process;

    private PinnedServer(Process process) => _process = process;

    /// <summary>Resident memory in MiB, now.</summary>
    public double ResidentMiB => Status("VmRSS");

    /// <summary>The most resident memory in MiB since the start.</summary>
    public double PeakMiB => Status("VmHWM");

    /// <summary>User and system time so far, in seconds.</summary>
    public double CpuSeconds
    {
        get
        {
            if (_process.HasExited)
            {
                throw new BenchException($"the server ended by itself, with status {_process.ExitCode}");
            }

            // After the name, which may hold anything: state is the first field, utime the twelfth.
            string[] fields = File.ReadAllText($"/proc/{_process.Id}/stat").Split(')')[^1].Trim().Split(' ');
            return (Number(fields[11]) + Number(fields[12])) / TicksPerSecond;
        }
    }

    /// <summary>Starts a server, and waits until it is ready.</summary>
    /// <param name="cores">Cores that it may use, as taskset writes them.</param>
    /// <param name="isReady">Whether it serves.</param>
    /// <param name="command">The program and its arguments; it runs in the foreground.</param>
    /// <exception cref="BenchException">It ends, or is not ready in a minute.</exception>
    public static async Task<PinnedServer> StartAsync(string cores, Func<bool> isReady, params string[] command)
    {
        string log = Path.GetTempFileName();
        // taskset becomes the program. Its output would fill a pipe that nothing reads.
        var process = Process.Start(
            "/bin/sh", ["-c", "log=$1; shift; exec taskset -c \"$@\" >\"$log\" 2>&1", "sh", log, cores, .. command]);
        var server = new PinnedServer(process);
        try
        {
            for (var waited = Stopwatch.StartNew(); !isReady();)
            {
                if (process.HasExited || waited.Elapsed > Patience)
                {
                    throw new BenchException(
                        $"{command[0]} does not start: {(await File.ReadAllTextAsync(log)).Trim()}");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(2));
            }

            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
        finally
        {
            File.Delete(log);
        }
    }

    /// <summary>Does a work, and returns its duration and the server's CPU time.</summary>
    public async Task<Sample> MeasureAsync(Func<Task> work)
    {
        double cpu = CpuSeconds;
        long started = Stopwatch.GetTimestamp();
        await work();
        return new Sample(Stopwatch.GetElapsedTime(started).TotalSeconds, CpuSeconds - cpu);
    }

    public async ValueTask DisposeAsync()
    {
        using (_process)
        {
            try
            {
                await Tool.RunAsync("kill", "-TERM", $"{_process.Id}");
            }
            catch (BenchException)
            {
                // It has ended by itself.
            }

            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(15));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
            }
        }
    }

    private double Status(string field) => File.ReadLines($"/proc/{_process.Id}/status")
        .Where(line => line.StartsWith(field, StringComparison.Ordinal))
        .Select(line => Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) / 1024)
        .FirstOrDefault();

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
