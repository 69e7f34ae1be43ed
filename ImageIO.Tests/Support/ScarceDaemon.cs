using System.Globalization;
using System.Net;
using CliWrap;

namespace ImageIO.Tests.Support;

/// <summary>The daemon as a process that may use little of everything.</summary>
public class ScarceDaemon : IAsyncLifetime
{
    internal const string Prlimit = "/usr/bin/prlimit";

    // Descriptors.
    private readonly int _most;
    private DaemonProcess? _process;

    public ScarceDaemon()
        : this(400)
    {
    }

    protected ScarceDaemon(int most) => _most = most;

    /// <summary>A heap of 384 MiB, for a runtime's process.</summary>
    internal static Dictionary<string, string> SmallHeap { get; } = new()
    {
        // In hexadecimal.
        ["DOTNET_GCHeapHardLimit"] = (384 * 1024 * 1024).ToString("X", CultureInfo.InvariantCulture),
    };

    public int Port => new Uri(Process.RemoteUrl).Port;

    internal DaemonFiles Files { get; } = new("[logger_root]\nlevel = INFO\n");

    internal DaemonProcess Process => _process ?? throw new InvalidOperationException("Not started");

    public async Task InitializeAsync()
    {
        if (File.Exists(Prlimit))
        {
            _process = await DaemonProcess.StartByAsync(
                [Prlimit, $"--nofile={_most}:{_most}", "--"], Files, SmallHeap);
            // Now that it runs: at its start, the runtime makes a file in memory that is larger.
            await Cli.Wrap(Prlimit)
                .WithArguments(["--pid", $"{_process.Id}", $"--fsize={8 * 1024 * 1024}"]).ExecuteAsync();
        }
    }

    public async Task DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Files.Dispose();
    }

    /// <summary>
    /// Skips where it could not be started; and waits until connections of an earlier test have gone.
    /// </summary>
    internal async Task RequireAsync()
    {
        Skip.If(_process is null, $"Needs {Prlimit}");
        await AssertServesAsync();
    }

    /// <summary>The assemblies that it has loaded.</summary>
    internal HashSet<string> Assemblies() => [.. File.ReadLines($"/proc/{Process.Id}/maps")
        .Select(line => line.Split('/')[^1]).Where(name => name.EndsWith(".dll", StringComparison.Ordinal))];

    /// <summary>Lets it open so many further descriptors. Null: as many as at the start.</summary>
    internal async Task LeaveDescriptorsAsync(int? free)
    {
        int limit = _most;
        if (free is { } count)
        {
            // Connections of earlier requests may be just closing.
            HashSet<int> used = [];
            await Eventually.HoldsAsync(
                async () =>
                {
                    HashSet<int> before = Descriptors();
                    await Task.Delay(100);
                    used = Descriptors();
                    return used.SetEquals(before);
                },
                "no connection closes any more");
            // The runtime's debugger waits in open(2), which has taken a number that /proc does not show.
            limit = Enumerable.Range(0, _most).Where(number => !used.Contains(number)).ElementAt(count) + 1;
        }

        await Cli.Wrap(Prlimit).WithArguments(["--pid", $"{Process.Id}", $"--nofile={limit}:{_most}"]).ExecuteAsync();
    }

    private HashSet<int> Descriptors() => [.. Directory.EnumerateFileSystemEntries($"/proc/{Process.Id}/fd").Select(
        path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))];

    /// <summary>Repeats something until the log says so.</summary>
    internal async Task LogsAfterAsync(Func<Task> act, string text)
    {
        int before = Files.ReadLog().Length;
        await Eventually.HoldsAsync(
            async () =>
            {
                await act();
                return Files.ReadLog()[before..].Contains(text, StringComparison.Ordinal);
            },
            $"the log says: {text}");
    }

    /// <summary>
    /// Asserts that it serves a new client of each service as ever, within five seconds, and has logged no internal
    /// error.
    /// </summary>
    internal async Task AssertServesAsync()
    {
        TestImage image = await Process.AddImageAsync(Bytes.Random(100_000)).WaitAsync(TimeSpan.FromSeconds(5));
        using HttpClient remote = DaemonClients.OverTls(Port, Files.Certificate);
        using HttpResponseMessage put = await remote.PutAsync(image.Url, new ByteArrayContent(new byte[1000]))
            .WaitAsync(TimeSpan.FromSeconds(5));
        byte[] got = await remote.GetByteArrayAsync(image.Url).WaitAsync(TimeSpan.FromSeconds(5));
        using HttpResponseMessage removed = await Process.Control.DeleteAsync($"/tickets/{image.Id}").WaitAsync(
            TimeSpan.FromSeconds(5));

        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        Assert.Equal(image.Content, got);
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        Assert.Equal("", string.Join('\n', Files.ReadLog().Split('\n').Where(line =>
            line.Contains(" CRITICAL ", StringComparison.Ordinal))));
    }
}
