using System.Text.RegularExpressions;

namespace ImageIO.Tests.Architecture;

/// <summary>
/// The rules of style that neither the compiler nor `dotnet format whitespace` checks. A whole `dotnet format` would,
/// but takes as long as another build.
/// </summary>
public sealed partial class StyleTests
{
    // As max_line_length in .editorconfig, which nothing else checks.
    private const int MostColumns = 120;

    [Fact]
    public void Usings_are_in_order_system_first()
    {
        IEnumerable<string> wrong = SourceTree.SourceFiles()
            .Where(file => !IsInOrder(File.ReadAllText(file)))
            .Select(SourceTree.Relative);

        Assert.Empty(wrong);
    }

    [Fact]
    public void No_line_is_longer_than_120_columns()
    {
        IEnumerable<string> wrong = SourceTree.SourceFiles()
            .SelectMany(file => File.ReadLines(file)
                .Select((line, index) => (line.Length, Place: $"{SourceTree.Relative(file)}:{index + 1}"))
                .Where(line => line.Length > MostColumns)
                .Select(line => $"{line.Place}: {line.Length} columns"));

        Assert.Empty(wrong);
    }

    [Fact]
    public void No_field_is_qualified_needlessly()
    {
        IEnumerable<string> wrong = SourceTree.SourceFiles()
            .SelectMany(file => File.ReadLines(file)
                .Where(line => NeedlessThis().IsMatch(line))
                .Select(line => $"{SourceTree.Relative(file)}: {line.Trim()}"));

        Assert.Empty(wrong);
    }

    // Projects whose code runs in one process. A program's own projects may use the ids of the other program.
    [Theory]
    [InlineData(
        "ImageIO.Core", "ImageIO.Transport", "ImageIO.Http", "ImageIO.Page", "ImageIO.Web", "ImageIO.Backends.*")]
    [InlineData("ImageIO.Core", "ImageIO.Transport", "ImageIO.Http", "ImageIO.Page", "ImageIO.Proxy")]
    public void Event_id_means_one_thing_in_a_process(params string[] projects)
    {
        IEnumerable<string> twice = projects
            .SelectMany(pattern => Directory.EnumerateDirectories(SourceTree.Root, pattern))
            .SelectMany(SourceTree.SourceFiles)
            .SelectMany(
                file => EventId().Matches(File.ReadAllText(file)).Select(match => (Id: match.Groups[1].Value, file)))
            .GroupBy(found => found.Id)
            .Where(same => same.Count() > 1)
            .Select(same => $"{same.Key}: {string.Join(", ", same.Select(found => SourceTree.Relative(found.file)))}");

        Assert.Empty(twice);
    }

    [Theory]
    [InlineData("using A;\nusing System;\n", false)]
    [InlineData("using System.Text;\nusing System;\n", false)]
    [InlineData("using B;\nusing A;\n", false)]
    [InlineData("using A.B;\nusing A;\n", false)]
    [InlineData("using static A.B;\nusing C;\n", false)]
    [InlineData("using N = A.B;\nusing C;\n", false)]
    [InlineData("using System;\nusing A;\nusing A.B;\nusing B;\nusing static A.C;\nusing N = A.B;\n", true)]
    [InlineData("namespace A;\n\nusing B;\n", true)]
    public void Order_is_told_from_disorder(string source, bool isInOrder) => Assert.Equal(
        isInOrder, IsInOrder(source));

    // Written as "self", for this file is looked at, too.
    [Theory]
    [InlineData("        self._field = 1;", true)]
    [InlineData("        => Use(self.field);", true)]
    [InlineData("        self.Extension();", false)]
    [InlineData("        // self._field", false)]
    [InlineData("        return self;", false)]
    [InlineData("    public static int Of(self Type a) => a._field;", false)]
    public void A_needless_this_is_told_from_others(string line, bool isNeedless) =>
        Assert.Equal(isNeedless, NeedlessThis().IsMatch(line.Replace("self", "this", StringComparison.Ordinal)));

    private static bool IsInOrder(string source)
    {
        string[][] usings = [.. Using().Matches(source).Select(
            match => SortKey(match.Groups["kind"].Value, match.Groups["name"].Value))];
        return usings.Zip(usings.Skip(1)).All(pair => Compare(pair.First, pair.Second) <= 0);
    }

    // Namespaces, then static ones, then aliases; in each System first, then name by name.
    private static string[] SortKey(string kind, string name)
    {
        string group = kind.Length > 0 ? "1" : name.Contains('=', StringComparison.Ordinal) ? "2" : "0";
        string[] parts = name.Split('=')[0].Trim().Split('.');
        return [group, parts[0] == "System" ? "0" : "1", .. parts];
    }

    private static int Compare(string[] a, string[] b)
    {
        int different = a.Zip(b)
            .Select(pair => string.Compare(pair.First, pair.Second, StringComparison.OrdinalIgnoreCase))
            .FirstOrDefault(order => order != 0);
        return different != 0 ? different : a.Length.CompareTo(b.Length);
    }

    [GeneratedRegex(@"^using +(?<kind>static +)?(?<name>[\w.]+(?: *= *[^;(]+)?);", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"\[LoggerMessage\(\s*(?:EventId = )?(\d+)")]
    private static partial Regex EventId();

    [GeneratedRegex(@"^(?!\s*//).*\bthis\.[_a-z]")]
    private static partial Regex NeedlessThis();
}
