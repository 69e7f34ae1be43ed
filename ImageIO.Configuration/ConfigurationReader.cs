using System.Globalization;
using System.Numerics;
using ImageIO.Configuration.Python;

namespace ImageIO.Configuration;

/// <summary>
/// Typed access to the options of some files, the last file first. Records what was asked for: those options are known,
/// with an effective value; all others are unknown.
/// </summary>
public sealed partial class ConfigurationReader
{
    private static readonly string[] TrueWords = ["true", "yes", "1", "on"];
    private static readonly string[] FalseWords = ["false", "no", "0", "off"];

    private readonly Dictionary<(string Section, string Name), IniOption> _given = [];
    private readonly HashSet<string> _sections = new(StringComparer.Ordinal);
    private readonly List<(string Section, string Name, object Value)> _effective = [];
    private readonly List<string> _warnings = [];

    /// <summary>Merges options. A later one replaces an earlier one with the same name.</summary>
    public ConfigurationReader(IEnumerable<IniOption> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        foreach (IniOption option in options)
        {
            _sections.Add(option.Section);
            if (!option.IsHeader)
            {
                _given[(option.Section, option.Name)] = option;
            }
        }
    }

    /// <summary>Every option that was asked for, with its effective value, in order.</summary>
    public IReadOnlyList<(string Section, string Name, object Value)> Effective => _effective;

    /// <summary>Whether a file has the option, or [DEFAULT] has it for an existing section.</summary>
    public bool IsGiven(string section, string name) => Find(section, name) is not null;

    /// <summary>A text.</summary>
    public string Text(string section, string name, string ifMissing) =>
        Note(section, name, Find(section, name)?.Value ?? ifMissing);

    /// <summary>A text in a certain form.</summary>
    /// <param name="section">The section.</param>
    /// <param name="name">The option.</param>
    /// <param name="ifMissing">The default.</param>
    /// <param name="parse">Returns the value, or null if the text is wrong.</param>
    /// <param name="expected">A correct value, for the message.</param>
    /// <exception cref="ConfigurationException">The text is wrong.</exception>
    public T Parsed<T>(string section, string name, T ifMissing, Func<string, T?> parse, string expected)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(parse);
        return Find(section, name) is { } option
            ? Note(section, name, parse(option.Value) ?? throw Wrong(option, expected))
            : Note(section, name, ifMissing);
    }

    /// <summary>One of several words.</summary>
    /// <exception cref="ConfigurationException">It is another word.</exception>
    public string Choice(string section, string name, string ifMissing, params string[] words) =>
        Parsed(
            section, name, ifMissing,
            text => Array.Find(words, word => word.Equals(text, StringComparison.OrdinalIgnoreCase)),
            $"one of {string.Join(", ", words)}");

    /// <summary>An integer.</summary>
    /// <exception cref="ConfigurationException">It is no integer, or out of range.</exception>
    public int Integer(string section, string name, int ifMissing, int minimum, int maximum = int.MaxValue)
    {
        if (Find(section, name) is not { } option)
        {
            return Note(section, name, ifMissing);
        }

        return PythonNumber.Integer(option.Value) is { } value && value >= minimum && value <= maximum
            ? Note(section, name, (int)value)
            : throw Wrong(
                option,
                maximum == int.MaxValue ? $"an integer, {minimum} or more" : $"an integer from {minimum} to {maximum}");
    }

    /// <summary>
    /// An integer of any size, as with the reference. Outside of its range the nearest value in it is used, with a
    /// warning.
    /// </summary>
    /// <exception cref="ConfigurationException">It is no integer.</exception>
    public int ClampedInteger(string section, string name, int ifMissing, int minimum, int maximum = int.MaxValue)
    {
        if (Find(section, name) is not { } option)
        {
            return Note(section, name, ifMissing);
        }

        BigInteger value = PythonNumber.Integer(option.Value) ?? throw Wrong(option, "an integer");
        int clamped = (int)BigInteger.Clamp(value, minimum, maximum);
        if (clamped != value)
        {
            Warn(option, maximum == int.MaxValue
                ? $"the least is {minimum}, which is used" : $"{clamped} is used; set {minimum} to {maximum}");
        }

        return Note(section, name, clamped);
    }

    /// <summary>A number of seconds, at least 0; a smaller one counts as 0, with a warning. Always shown with a
    /// fraction.</summary>
    /// <exception cref="ConfigurationException">It is no number.</exception>
    public TimeSpan Seconds(string section, string name, double ifMissing) =>
        TimeSpan.FromSeconds(Note(section, name, SecondsOr(section, name, ifMissing)));

    /// <summary>The same, but whole seconds are shown as an integer, as the reference does for some options.</summary>
    /// <exception cref="ConfigurationException">It is no number.</exception>
    public TimeSpan Seconds(string section, string name, int ifMissing)
    {
        double seconds = SecondsOr(section, name, ifMissing);
        _ = Note<object>(section, name, double.IsInteger(seconds) ? (int)seconds : (object)seconds);
        return TimeSpan.FromSeconds(seconds);
    }

    /// <summary>A boolean.</summary>
    /// <exception cref="ConfigurationException">It is no word for a boolean.</exception>
    public bool Boolean(string section, string name, bool ifMissing)
    {
        if (Find(section, name) is not { } option)
        {
            return Note(section, name, ifMissing);
        }

        return TrueWords.Contains(option.Value, StringComparer.OrdinalIgnoreCase)
            ? Note(section, name, true)
            : FalseWords.Contains(option.Value, StringComparer.OrdinalIgnoreCase)
                ? Note(section, name, false)
                : throw Wrong(option, "true, yes, 1, on, false, no, 0 or off");
    }

    /// <summary>The error for a well-formed value that is wrong in its context.</summary>
    public ConfigurationException Wrong(string section, string name, string expected) =>
        Find(section, name) is { } option
            ? Wrong(option, expected)
            : new ConfigurationException($"Option '{name}' of section [{section}] is not set, expected {expected}");

    private static ConfigurationException Wrong(IniOption option, string expected) =>
        new($"{Named(option)}, expected {expected}");

    private static string Named(IniOption option) =>
        $"{option.File}: option '{option.Name}' of section [{option.Section}] is '{option.Value}'";

    private double SecondsOr(string section, string name, double ifMissing)
    {
        if (Find(section, name) is not { } option)
        {
            return ifMissing;
        }

        double value = PythonNumber.Float(option.Value) ?? throw Wrong(option, "a number of seconds, 0 or more");
        double clamped = double.IsNaN(value) ? ifMissing : Math.Clamp(value, 0, int.MaxValue);
        if (clamped != value)
        {
            Warn(option, $"{clamped.ToString(CultureInfo.InvariantCulture)} is used; set a number of seconds, "
                + $"0 or more");
        }

        return clamped;
    }

    // [DEFAULT] applies to existing sections.
    private IniOption? Find(string section, string name) =>
        _given.GetValueOrDefault((section, name))
        ?? (_sections.Contains(section) ? _given.GetValueOrDefault((IniOption.DefaultSection, name)) : null);

    private T Note<T>(string section, string name, T value)
        where T : notnull
    {
        _effective.Add((section, name, value));
        return value;
    }
}
