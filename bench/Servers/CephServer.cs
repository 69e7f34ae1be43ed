using System.Diagnostics;

namespace ImageIO.Bench.Servers;

/// <summary>
/// A Ceph cluster on this machine, by build/ceph.sh. It ends when this is disposed of, and when this process dies.
/// </summary>
internal sealed class CephServer : IAsyncDisposable
{
    private readonly Process _script;

    private CephServer(Process script, string conf)
    {
        _script = script;
        Conf = conf;
    }

    /// <summary>The ceph.conf that clients need.</summary>
    public string Conf { get; }

    /// <summary>Starts one.</summary>
    /// <param name="script">Path of build/ceph.sh.</param>
    /// <param name="directory">A new directory for it, which it removes.</param>
    /// <param name="options">Options of the script, like <c>osds=3</c>.</param>
    /// <exception cref="BenchException">It did not start.</exception>
    public static async Task<CephServer> StartAsync(string script, string directory, params string[] options)
    {
        Process process = Process.Start(new ProcessStartInfo(script, [directory, .. options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        if (await process.StandardOutput.ReadLineAsync() is { } conf)
        {
            return new CephServer(process, conf);
        }

        using (process)
        {
            throw new BenchException($"no Ceph cluster started: {await process.StandardError.ReadToEndAsync()}");
        }
    }

    /// <summary>Pauses, resumes, kills or starts a daemon.</summary>
    /// <param name="command">One of these, as the script calls it.</param>
    /// <param name="daemon">The daemon, like <c>osd.0</c>.</param>
    /// <exception cref="BenchException">It did not do that.</exception>
    public async Task DoAsync(string command, string daemon)
    {
        await _script.StandardInput.WriteLineAsync($"{command} {daemon}");
        string? answer = await _script.StandardOutput.ReadLineAsync();
        if (answer != "done")
        {
            throw new BenchException($"{command} {daemon}: {answer ?? "the cluster has ended"}");
        }
    }

    /// <summary>Ends the cluster and removes its directory.</summary>
    public async ValueTask DisposeAsync()
    {
        _script.StandardInput.Close();
        await _script.WaitForExitAsync();
        _script.Dispose();
    }
}
