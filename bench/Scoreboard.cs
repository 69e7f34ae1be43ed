using System.Diagnostics;
using System.Net.Sockets;

namespace ImageIO.Bench;

/// <summary>Runs comparisons and keeps the table's lines.</summary>
/// <param name="say">Reports progress.</param>
/// <param name="rounds">Counted runs of each contender, if the comparison does not say otherwise.</param>
internal sealed class Scoreboard(Action<string> say, int rounds = 5)
{
    // No work begins after this, so that the bench ends on any machine.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(20);

    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly List<Row> _rows = [];

    private volatile bool _stopped;

    /// <summary>The lines so far.</summary>
    public IReadOnlyList<Row> Rows => _rows;

    private bool IsOver => _stopped || Stopwatch.GetElapsedTime(_started) > Longest;

    /// <summary>Begins no further work. The running one ends, and the table is written.</summary>
    public void Stop() => _stopped = true;

    /// <summary>Adds a line.</summary>
    public void Add(Row row)
    {
        _rows.Add(row);
        say($"{row.Work}, {row.Server}: {row.Note}");
    }

    /// <summary>Does a work. If it cannot be done, the table shows why.</summary>
    public async Task TryAsync(string work, Func<Task> run)
    {
        if (IsOver)
        {
            Add(new Row(work, "") { Note = _stopped ? "not measured: stopped" : "not measured: out of time" });
            return;
        }

        try
        {
            await run();
        }
        catch (Exception e) when (e is BenchException or IOException or SocketException)
        {
            Add(new Row(work, "") { Note = $"not measured: {e.Message}" });
        }
    }

    /// <summary>Runs us and the peer in turn, and adds a line for each.</summary>
    public async Task CompareAsync(Comparison comparison)
    {
        var ours = new List<Sample>();
        var peers = new List<Sample>();
        int wanted = comparison.Rounds ?? rounds;
        for (int round = 0; round <= wanted && (round < 2 || !IsOver); round++)
        {
            Sample our = await comparison.Ours.RunAsync();
            Sample? peer = comparison.Peer is null ? null : await comparison.Peer.RunAsync();
            if (round == 0)
            {
                continue;
            }

            ours.Add(our);
            if (peer is { } one)
            {
                peers.Add(one);
            }
        }

        double gib = comparison.Bytes / (double)(1 << 30);
        if (comparison.Peer is not null)
        {
            _rows.Add(RowOf(comparison, comparison.Peer, peers, gib));
        }

        Row row = RowOf(comparison, comparison.Ours, ours, gib) with
        {
            Target = comparison.Target,
            CpuRatio = comparison.Peer is null ? null : CpuRatio(ours, peers),
            WallRatio = comparison.Peer is null ? null : Median(ours.Zip(peers, (a, b) => a.Wall / b.Wall)),
            Note = ours.Count < wanted ? $"{ours.Count} rounds: out of time" : "",
        };
        _rows.Add(row);
        say($"{row.Work}: {row.CpuPerGiB:F2} CPU s/GiB, {row.GiBPerSecond:F2} GiB/s, "
            + $"CPU x {row.CpuRatio:F2}, wall x {row.WallRatio:F2}");
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Half of the distance between the quartiles, relative to the median.</summary>
    public static double Noise(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        double median = Median(sorted);
        return median == 0 ? 0 : (At(0.75) - At(0.25)) / 2 / median;

        double At(double part)
        {
            double place = part * (sorted.Length - 1);
            int below = (int)place;
            int above = Math.Min(below + 1, sorted.Length - 1);
            return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
        }
    }

    // A peer without requests costs nothing, and JSON has no infinite numbers.
    private static double? CpuRatio(List<Sample> ours, List<Sample> peers) => peers.All(peer => peer.Cpu > 0)
        ? Median(ours.Zip(peers, (our, peer) => our.Cpu / peer.Cpu))
        : null;

    private static Row RowOf(Comparison comparison, Contender contender, List<Sample> samples, double gib) =>
        new(comparison.Work, contender.Name)
        {
            CpuPerGiB = Median(samples.Select(sample => sample.Cpu)) / gib,
            GiBPerSecond = gib / Median(samples.Select(sample => sample.Wall)),
            CpuNoise = Noise(samples.Select(sample => sample.Cpu)),
            WallNoise = Noise(samples.Select(sample => sample.Wall)),
        };
}
