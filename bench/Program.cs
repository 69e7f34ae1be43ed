using System.Runtime.InteropServices;
using ImageIO.Bench.Works;
using Spectre.Console;

namespace ImageIO.Bench;

/// <summary>
/// Measures the programs of <c>make build</c> beside their peers. Run by <c>make bench</c>; see docs/performance.md.
/// </summary>
internal static class Program
{
    private static readonly (string Name, Func<Place, Scoreboard, Task> RunAsync)[] Works =
    [
        ("limits", LimitWorks.RunAsync),
        ("upload", (place, board) => HttpsWorks.UploadAsync(place, board, HttpsWorks.AllConnections)),
        ("download", (place, board) => HttpsWorks.DownloadAsync(place, board, HttpsWorks.AllConnections)),
        ("unix", (place, board) => UnixWorks.RunAsync(place, board, UnixWorks.AllConnections)),
        ("disk", DiskWorks.RunAsync),
        ("sparse", SparseWorks.RunAsync),
        ("image", ImageWorks.RunAsync),
        ("small", SmallRequestWorks.RunAsync),
        ("process", ProcessWorks.RunAsync),
        ("isolation", IsolationWorks.RunAsync),
        ("proxy", ProxyWorks.RunAsync),
        ("client", ClientWorks.RunAsync),
        ("far", FarWorks.RunAsync),
        ("reference", ReferenceWorks.RunAsync),
        ("nbd", NbdWorks.RunAsync),
        ("rbd", RbdWorks.RunAsync),
        (Curve, RingWorks.RunAsync),
        (Quick, QuickWorks.RunAsync),
    ];

    // Takes ten minutes and changes with the machine alone, so it runs only when it is named.
    private const string Curve = "ring";

    // A part of the others with fewer rounds; runs only when it is named.
    private const string Quick = "quick";

    private static async Task<int> Main(string[] args)
    {
        if (args is ["compare", string before, string after])
        {
            return await Comparer.RunAsync(before, after);
        }

        string[] chosen = args.Length > 0
            ? args[0].Split(',')
            : [.. Works.Select(work => work.Name).Except([Curve, Quick])];
        if (chosen.Except(Works.Select(work => work.Name)).FirstOrDefault() is { } unknown)
        {
            AnsiConsole.WriteLine(
                $"There is no work {unknown}, only {string.Join(", ", Works.Select(work => work.Name))}.");
            return 2;
        }

        IReadOnlyDictionary<string, string> facts = await MachineFacts.CollectAsync();
        using Place place = await Place.CreateAsync();
        var board = chosen is [Quick]
            ? new Scoreboard(AnsiConsole.WriteLine, QuickWorks.Rounds)
            : new Scoreboard(AnsiConsole.WriteLine);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        foreach ((string name, Func<Place, Scoreboard, Task> run) in Works.Where(work => chosen.Contains(work.Name)))
        {
            await board.TryAsync(name, () => run(place, board));
        }

        await Report.WriteAsync(facts, board.Rows);
        return 0;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            board.Stop();
        }
    }
}
