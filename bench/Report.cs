using System.Globalization;
using System.Text;
using System.Text.Json;
using Spectre.Console;

namespace ImageIO.Bench;

/// <summary>Writes the table: on the terminal, as JSON, and as Markdown for docs/performance.md.</summary>
internal static class Report
{
    private static readonly string[] Columns =
        ["work", "server", "CPU s/GiB", "GiB/s", "CPU ratio", "wall ratio", "target", "note"];

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes all three forms.</summary>
    public static async Task WriteAsync(IReadOnlyDictionary<string, string> facts, IReadOnlyList<Row> rows)
    {
        if (!AnsiConsole.Profile.Out.IsTerminal)
        {
            // A file would be wrapped at 80 columns.
            AnsiConsole.Profile.Width = 200;
        }

        var table = new Table();
        table.AddColumns(Columns);
        foreach (Row row in rows)
        {
            table.AddRow([.. Cells(row).Select(Markup.Escape)]);
        }

        AnsiConsole.Write(table);
        await File.WriteAllTextAsync("out/bench.json", JsonSerializer.Serialize(new { facts, rows }, Indented));
        await File.WriteAllTextAsync("out/bench.md", Markdown(facts, rows));
    }

    private static string Markdown(IReadOnlyDictionary<string, string> facts, IReadOnlyList<Row> rows)
    {
        var text = new StringBuilder();
        foreach ((string name, string value) in facts)
        {
            text.Append(CultureInfo.InvariantCulture, $"- {name}: {value}\n");
        }

        text.Append('\n');
        Line(Columns);
        Line(Columns.Select(_ => "---"));
        foreach (Row row in rows)
        {
            Line(Cells(row));
        }

        return text.ToString();

        void Line(IEnumerable<string> cells) =>
            text.Append("| ").AppendJoin(" | ", cells).Append(" |\n").Replace("|  |", "| |");
    }

    private static string[] Cells(Row row) =>
    [
        row.Work, row.Server,
        Text(row.CpuPerGiB), Text(row.GiBPerSecond), Text(row.CpuRatio), Text(row.WallRatio), row.Target, row.Note,
    ];

    private static string Text(double? value) => value?.ToString("F2", CultureInfo.InvariantCulture) ?? "";
}
