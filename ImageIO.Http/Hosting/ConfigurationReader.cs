using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ImageIO.Http.Hosting;

/// <summary>
/// Answers typed questions about the options in some files, the later file first, and keeps account: what was asked is
/// an option we know, with its effective value; what was never asked is unknown.
/// </summary>
public sealed class ConfigurationReader
{
    private static readonly string[] TrueWords = ["true", "yes", "1", "on"];
    private static readonly string[] FalseWords = ["false", "no", "0", "off"];

    private readonly Dictionary<(string Section, string Name), IniOption> _given = [];
    private readonly List<(string Section, string Name, object Value)> _effective = [];
    private readonly HashSet<string> _ignoredSections = new(StringComparer.Ordinal);

    /// <summary>Merges options; a later one replaces an earlier one of the same name.</summary>
    public ConfigurationReader(IEnumerable<IniOption> options)
    {
        foreach (IniOption option in options)
        {
            _given[(option.Section, option.Name)] = option;
        }
    }

    /// <summary>Every option asked for, with its effective value, in the order of asking.</summary>
    public IReadOnlyList<(string Section, string Name, object Value)> Effective => _effective;

    /// <summary>Options in the files that nobody asked for: perhaps another version's.</summary>
    public IEnumerable<IniOption> Unknown
    {
        get
        {
            HashSet<(string, string)> known = [.. _effective.Select(option => (option.Section, option.Name))];
            return _given.Values.Where(option =>
                !_ignoredSections.Contains(option.Section) && !known.Contains((option.Section, option.Name)));
        }
    }

    /// <summary>Accepts a section without effect, whatever it holds.</summary>
    public void Ignore(string section) => _ignoredSections.Add(section);

    /// <summary>A text.</summary>
    public string Text(string section, string name, string ifMissing) =>
        Note(section, name, _given.TryGetValue((section, name), out IniOption? option) ? option.Value : ifMissing);

    /// <summary>A text, or what is right about it.</summary>
    /// <param name="section">The section.</param>
    /// <param name="name">The option.</param>
    /// <param name="ifMissing">The default.</param>
    /// <param name="parse">Gives the value, or null when the text is wrong.</param>
    /// <param name="expected">What would be right, for the message.</param>
    /// <exception cref="ConfigurationException">The text is wrong.</exception>
    public T Parsed<T>(string section, string name, T ifMissing, Func<string, T?> parse, string expected)
        where T : class =>
        _given.TryGetValue((section, name), out IniOption? option)
            ? Note(section, name, parse(option.Value) ?? throw Wrong(option, expected))
            : Note(section, name, ifMissing);

    /// <summary>One of some words.</summary>
    /// <exception cref="ConfigurationException">It is none of them.</exception>
    public string Choice(string section, string name, string ifMissing, params string[] words) =>
        Parsed(
            section, name, ifMissing,
            text => Array.Find(words, word => word.Equals(text, StringComparison.OrdinalIgnoreCase)),
            $"one of {string.Join(", ", words)}");

    /// <summary>An integer.</summary>
    /// <exception cref="ConfigurationException">It is no integer, or out of its range.</exception>
    public int Integer(string section, string name, int ifMissing, int minimum, int maximum = int.MaxValue)
    {
        if (!_given.TryGetValue((section, name), out IniOption? option))
        {
            return Note(section, name, ifMissing);
        }

        return int.TryParse(option.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            && value >= minimum && value <= maximum
            ? Note(section, name, value)
            : throw Wrong(
                option, maximum == int.MaxValue ? $"an integer, {minimum} or more" : $"an integer from {minimum} to {maximum}");
    }

    /// <summary>A number of seconds, 0 or more.</summary>
    /// <exception cref="ConfigurationException">It is no such number.</exception>
    public TimeSpan Seconds(string section, string name, double ifMissing)
    {
        if (!_given.TryGetValue((section, name), out IniOption? option))
        {
            return TimeSpan.FromSeconds(Note(section, name, ifMissing));
        }

        return double.TryParse(option.Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
            && value <= int.MaxValue
            ? TimeSpan.FromSeconds(Note(section, name, value))
            : throw Wrong(option, "a number of seconds, 0 or more");
    }

    /// <summary>A boolean.</summary>
    /// <exception cref="ConfigurationException">It is none of the words for one.</exception>
    public bool Boolean(string section, string name, bool ifMissing)
    {
        if (!_given.TryGetValue((section, name), out IniOption? option))
        {
            return Note(section, name, ifMissing);
        }

        string word = option.Value.ToLowerInvariant();
        return TrueWords.Contains(word)
            ? Note(section, name, true)
            : FalseWords.Contains(word) ? Note(section, name, false) : throw Wrong(option, "true, yes, 1, on, false, no, 0 or off");
    }

    /// <summary>An address to listen on: an IP address, a name that resolves to one, or empty or <c>::</c> for all.</summary>
    /// <exception cref="ConfigurationException">It is none of these.</exception>
    public IPAddress Address(string section, string name, string ifMissing)
    {
        string host = Parsed(
            section, name, ifMissing, text => Resolve(text) is null ? null : text,
            "an IP address, or a name that resolves to one");
        return Resolve(host)!;
    }

    /// <summary>The known option whose name is most like an unknown one's.</summary>
    public string Nearest(IniOption unknown) =>
        _effective.Select(option => option.Name).MinBy(name => EditDistance(name, unknown.Name)) ?? "";

    /// <summary>The error for an option whose value is right in itself, but not here.</summary>
    public ConfigurationException Wrong(string section, string name, string expected) =>
        _given.TryGetValue((section, name), out IniOption? option)
            ? Wrong(option, expected)
            : new ConfigurationException($"Option '{name}' of section [{section}] is not set, expected {expected}");

    private static IPAddress? Resolve(string host)
    {
        if (host.Length == 0 || host == "::")
        {
            // Without IPv6 in the kernel, all addresses are the IPv4 ones.
            return Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        }

        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            return address;
        }

        try
        {
            return Dns.GetHostAddresses(host).FirstOrDefault();
        }
        catch (SocketException)
        {
            return null;
        }
    }

    // Levenshtein's distance, one row at a time.
    private static int EditDistance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }

    private static ConfigurationException Wrong(IniOption option, string expected) =>
        new($"{option.File}: option '{option.Name}' of section [{option.Section}] is '{option.Value}', expected {expected}");

    private T Note<T>(string section, string name, T value)
        where T : notnull
    {
        _effective.Add((section, name, value));
        return value;
    }
}
