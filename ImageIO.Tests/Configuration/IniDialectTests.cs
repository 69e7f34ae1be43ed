using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Configuration;

/// <summary>INI files are read as Python's RawConfigParser reads them, which is asked itself.</summary>
public sealed class IniDialectTests
{
    private const string Judge = """
        import configparser
        def read(text):
            parser = configparser.RawConfigParser()
            try:
                parser.read_string(text)
            except configparser.Error as e:
                return type(e).__name__
            return {s: dict(parser.items(s)) for s in parser.sections()}
        outputs = [read(text) for text in inputs]
        """;

    // Each differs from the naive reading of lines in one thing.
    private static readonly string[] Texts =
    [
        "[a]\nx = 1\n",
        "[a]\nx = 1\n  2\n  3\n",
        "[a]\nx =\n  1\n  2\ny = 3\n",
        "[a]\nx = 1\n\n  2\n\ny = 3\n",
        "[a]\nx = 1\n# remark\n  2\n",
        "[a]\nx = 1\n  # remark\n  2\n",
        "[a]\nx = 1\n  ; remark\n\n\ny = 2\n",
        "[a]\n  x = 1\n  y = 2\n",
        "[a]\n  x = 1\n    y = 2\n z = 3\n",
        "[a]\nx = 1\n  [b]\n",
        "  [a]\n  x = 1\n",
        "[a] rest\nx = 1\n",
        "[a]b]\nx = 1\n",
        "[ a ]\nx = 1\n",
        "[a]\nX: 1\nY = 2 : 3\nz:=4\n",
        "[a]\nx = 1 # no remark\ny = 2 ; none\n",
        "[a]\nx = \"1\"\ny = '2'\n",
        "[a]\nx = %(y)s\n",
        "[a]\nx y = 1\n",
        "[DEFAULT]\nx = 1\ny = 2\n[a]\nx = 3\n[b]\n",
        "[a]\nx = 1\n[DEFAULT]\ny = 2\n",
        "[DEFAULT]\nx = 1\n[DEFAULT]\ny = 2\n[a]\n",
        "[a]\nx = 1\n[b]\n  y = 2\n",
        "[a]\nx = 1\n\ty\n",
        "x = 1\n",
        "[a]\nx = 1\n[a]\ny = 2\n",
        "[a]\nx = 1\nX = 2\n",
        "[a]\n= 1\n",
        "",
        "# only\n; remarks\n",
    ];

    [SkippableFact(Timeout = 30_000)]
    public async Task Every_text_is_read_or_refused_as_by_RawConfigParser()
    {
        JsonArray judged = await PythonOracle.AskAsync(Judge, Texts);

        Assert.All(Texts.Zip(judged), pair => Assert.Equal(Text(pair.Second), Read(pair.First)));
    }

    [Fact]
    public void Option_without_a_separator_is_empty()
    {
        // RawConfigParser refuses it; the contract does not.
        Assert.Equal("", new ConfigurationReader(IniFile.Parse("test.conf", ["[a]", "x"])).Text("a", "x", "missing"));
    }

    [Fact]
    public void Default_section_counts_over_all_files_for_sections_that_are_there()
    {
        var reader = new ConfigurationReader(
        [
            .. IniFile.Parse("10.conf", ["[DEFAULT]", "port = 1", "[remote]"]),
            .. IniFile.Parse("20.conf", ["[DEFAULT]", "port = 2"]),
        ]);

        Assert.Equal(2, reader.Integer("remote", "port", 54322, 0));
        Assert.Equal(-1, reader.Integer("control", "port", -1, -1));
        Assert.Empty(reader.Warnings);
    }

    private static string Text(JsonNode? judged) => judged is JsonValue ? "refused" : judged!.ToJsonString();

    private static string Read(string text)
    {
        try
        {
            IReadOnlyList<IniOption> options = IniFile.Parse(
                "test.conf", text.Length == 0 ? [] : text.TrimEnd('\n').Split('\n'));
            var sections = new JsonObject();
            foreach (string section in options.Select(option => option.Section).Distinct().Where(
                name => name != IniOption.DefaultSection))
            {
                var reader = new ConfigurationReader(options);
                IEnumerable<string> names = options
                    .Where(option => option.Section is IniOption.DefaultSection && !option.IsHeader).Select(
                        option => option.Name)
                    .Concat(options.Where(option => option.Section == section && !option.IsHeader).Select(
                        option => option.Name));
                var values = new JsonObject();
                foreach (string name in names.Distinct())
                {
                    values[name] = reader.Text(section, name, "missing");
                }

                sections[section] = values;
            }

            return sections.ToJsonString();
        }
        catch (ConfigurationException)
        {
            return "refused";
        }
    }
}
