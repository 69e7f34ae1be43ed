using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace ImageIO.Bench;

/// <summary>Compares the JSON files of two runs of the bench. Run by <c>bench/compare</c>.</summary>
internal static class Comparer
{
    // The kernel counts CPU time in hundredths of a second, so a smaller change means nothing.
    private const double LeastChange = 0.03;

    private static readonly string[] Columns =
        ["work", "server", "figure", "A", "B", "B by A", "noise A", "noise B", "change"];

    private static readonly JsonSerializerOptions AnyCase = new() { PropertyNameCaseInsensitive = true };

    /// <summary>Writes the table and the differences between the machines.</summary>
    /// <returns>The exit status: 0, or 2 if a file cannot be used.</returns>
    public static async Task<int> RunAsync(string before, string after)
    {
        Run a, b;
        try
        {
            (a, b) = (await ReadAsync(before), await ReadAsync(after));
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            AnsiConsole.WriteLine($"Cannot compare {before} with {after}: {e.Message}");
            return 2;
        }

        foreach (string name in a.Facts.Keys.Union(b.Facts.Keys))
        {
            string was = a.Facts.GetValueOrDefault(name, "unknown");
            string now = b.Facts.GetValueOrDefault(name, "unknown");
            if (was != now)
            {
                AnsiConsole.WriteLine($"{name}: {was} in A, {now} in B");
            }
        }

        if (!AnsiConsole.Profile.Out.IsTerminal)
        {
            AnsiConsole.Profile.Width = 200;
        }

        var table = new Table();
        table.AddColumns(Columns);
        foreach (string[] cells in Lines(a, b))
        {
            table.AddRow([.. cells.Select(Markup.Escape)]);
        }

        AnsiConsole.Write(table);
        return 0;
    }

    /// <summary>The lines of the table: each figure that both runs have, then the works of one run only.</summary>
    internal static IEnumerable<string[]> Lines(Run a, Run b)
    {
        foreach (Row was in a.Rows)
        {
            if (b.Rows.FirstOrDefault(row => row.Work == was.Work && row.Server == was.Server) is not { } now)
            {
                yield return [was.Work, was.Server, "", "", "", "", "", "", "only in A"];
                continue;
            }

            foreach ((string name, Figure first) in FiguresOf(was))
            {
                if (FiguresOf(now).FirstOrDefault(pair => pair.Name == name).Value is { } second)
                {
                    yield return [was.Work, was.Server, name, .. Compare(first, second)];
                }
            }
        }

        foreach (Row row in b.Rows.Where(row => !a.Rows.Any(was => was.Work == row.Work && was.Server == row.Server)))
        {
            yield return [row.Work, row.Server, "", "", "", "", "", "", "only in B"];
        }
    }

    private static string[] Compare(Figure a, Figure b)
    {
        double ratio = b.Value / a.Value;
        double noise = Math.Max(LeastChange, (a.Noise ?? 0) + (b.Noise ?? 0));
        string verdict = !double.IsFinite(ratio) ? ""
            : Math.Abs(ratio - 1) <= noise ? "within the noise"
            : ratio < 1 ? "less" : "more";
        return [Text(a.Value), Text(b.Value), Text(ratio), Percent(a.Noise), Percent(b.Noise), verdict];
    }

    private static IEnumerable<(string Name, Figure Value)> FiguresOf(Row row)
    {
        if (row.CpuPerGiB is { } cpu)
        {
            yield return ("CPU s/GiB", new Figure(cpu, row.CpuNoise));
        }

        if (row.GiBPerSecond is { } speed)
        {
            yield return ("GiB/s", new Figure(speed, row.WallNoise));
        }

        foreach ((string name, double value) in row.Figures)
        {
            yield return (name, new Figure(value, Noise: null));
        }
    }

    private static async Task<Run> ReadAsync(string file)
    {
        await using FileStream stream = File.OpenRead(file);
        return await JsonSerializer.DeserializeAsync<Run>(stream, AnyCase) is { Rows: not null, Facts: not null } run
            ? run
            : throw new JsonException($"{file} has no rows or no facts");
    }

    private static string Text(double value) =>
        value.ToString(Math.Abs(value) < 100 ? "F2" : "F0", CultureInfo.InvariantCulture);

    private static string Percent(double? noise) =>
        noise is { } known ? (known * 100).ToString("F0", CultureInfo.InvariantCulture) + "%" : "unknown";

    /// <summary>A run of the bench, read from its file.</summary>
    /// <param name="Facts">Machine and versions.</param>
    /// <param name="Rows">The lines of its table.</param>
    internal sealed record Run(IReadOnlyDictionary<string, string> Facts, IReadOnlyList<Row> Rows);

    private sealed record Figure(double Value, double? Noise);
}
