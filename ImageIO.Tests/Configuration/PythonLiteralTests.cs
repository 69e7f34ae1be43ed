using System.Text.Json.Nodes;
using ImageIO.Configuration.Python;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Configuration;

/// <summary>
/// Values that the reference evaluates as Python are read as Python reads them, which is asked itself.
/// </summary>
public sealed class PythonLiteralTests
{
    private const string Judge = """
        import warnings
        warnings.simplefilter("ignore")
        def read(text):
            try:
                value = eval(text, {"__builtins__": {}})
                return json.loads(json.dumps(value))
            except Exception:
                return "refused"
        outputs = [read(text) for text in inputs]
        """;

    private const string NumberJudge = """
        def read(kind, text):
            try:
                value = kind(text)
                return repr(float(value)) if value == value else "nan"
            except ValueError:
                return "refused"
        outputs = [[read(int, text), read(float, text)] for text in inputs]
        """;

    private static readonly string[] Texts =
    [
        "()", "('/var/log/daemon.log',)",
        "(\"/var/log/daemon.log\",)", "('/p', 'a', 20971520, 10)", "('/p', 'a', 20*1024*1024, 10)",
        "('/p')", "(('/p'),)", "('a' \"b\" 'c',)", "(\n  '/p',\n  'a'\n)", "[1, 2]", "[]", "(1, (2, 3), [4])", "{}",
        "{'maxBytes': 20971520, 'backupCount': 10}",
        "{\"maxBytes\": 1_000, 'utc': True, 'atTime': None}", "{'a': {'b': [False]},}",
        "'a\\\\b\\n\\t\\x41\\u00e9\\'\\\"'",
        "r'a\\b'", "u'a'", "'''a'b'''", "\"\"\"a\"b\"\"\"", "'a\\q'", "-5", "+5", "1.5", "-.5", "1e3",
        "(1,,)", "(1", "'a", "{'a' 1}", "{'a': 1", "{1: 2", "1 2", "", "(", "@", "1__0", "'a' 1",
    ];

    private static readonly string[] Numbers =
    [
        "1", " 8 ", "+8",
        "-1", "007", "8_388_608", "1__0", "_1", "1_", "0x10", "1.0", "1e-1", "1e3", ".5", "5.", "1_0.5", "1_.5", "inf",
        "-Infinity", "nan", "", "+", "one", "1 2", "12345678901", "--1", "1e", "++inf",
    ];

    [SkippableFact(Timeout = 30_000)]
    public async Task Every_literal_is_read_or_refused_as_by_Python()
    {
        JsonArray judged = await PythonOracle.AskAsync(Judge, Texts);

        Assert.All(Texts.Zip(judged), pair => Assert.Equal(
            (pair.First, pair.Second!.ToJsonString()), (pair.First, (Read(pair.First) ?? "refused")!.ToJsonString())));
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Every_number_is_read_or_refused_as_by_int_and_float()
    {
        JsonArray judged = await PythonOracle.AskAsync(NumberJudge, Numbers);

        foreach ((string text, JsonNode? answers) in Numbers.Zip(judged))
        {
            Assert.Equal((text, answers![0]!.GetValue<string>()), (text, Show((double?)PythonNumber.Integer(text))));
            Assert.Equal((text, answers[1]!.GetValue<string>()), (text, Show(PythonNumber.Float(text))));
        }
    }

    [Fact]
    public void Names_with_dots_are_left_to_the_reader()
    {
        Assert.Equal(
            [new PythonName("sys.stdout"), 1L], Assert.IsType<object?[]>(PythonLiteral.Parse("(sys.stdout, 1)")));
    }

    [Fact]
    public void Deep_nesting_is_refused_and_overflows_no_stack() =>
        Assert.Throws<FormatException>(() => PythonLiteral.Parse(new string('(', 100_000)));

    private static string Show(double? value) => value switch
    {
        null => "refused",
        double.NaN => "nan",
        double.PositiveInfinity => "inf",
        double.NegativeInfinity => "-inf",
        { } number when double.IsInteger(number) && Math.Abs(number) < 1e16 => $"{number:F1}",
        { } number => number.ToString("R", System.Globalization.CultureInfo.InvariantCulture).Replace(
            "E+", "e+", StringComparison.Ordinal),
    };

    private static JsonNode? Read(string text)
    {
        try
        {
            return Node(PythonLiteral.Parse(text));
        }
        catch (FormatException)
        {
            return "refused";
        }
    }

    private static JsonNode? Node(object? value) => value switch
    {
        null => null,
        object?[] items => new JsonArray([.. items.Select(Node)]),
        Dictionary<string, object?> items => new JsonObject(
            items.Select(item => KeyValuePair.Create(item.Key, Node(item.Value)))),
        long number => number,
        double number => JsonNode.Parse(double.IsInteger(
            number) ? $"{number:F1}" : number.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        bool word => word,
        _ => (string)value,
    };
}
