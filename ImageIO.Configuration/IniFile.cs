namespace ImageIO.Configuration;

/// <summary>
/// An INI file by the rules of Python's RawConfigParser, which managers write for: <c>[section]</c>, <c>option =
/// value</c> or <c>option: value</c>, continuation lines that are indented deeper than their option, and whole-line
/// comments that start with <c>#</c> or <c>;</c>. Values are not interpreted.
/// </summary>
/// <remarks>
/// Microsoft.Extensions.Configuration.Ini removes quotes, supports neither continuation lines nor [DEFAULT], and does
/// not keep the file name that an error message needs.
/// </remarks>
public static class IniFile
{
    /// <summary>Reads a file.</summary>
    /// <returns>Its sections and options in order.</returns>
    /// <exception cref="ConfigurationException">The file cannot be read, or a line is malformed.</exception>
    public static IReadOnlyList<IniOption> Read(string path)
    {
        try
        {
            return Parse(path, File.ReadAllLines(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"Cannot read the configuration file {path}: {e.Message}", e);
        }
    }

    /// <summary>Parses lines.</summary>
    /// <param name="path">The file's name in messages.</param>
    /// <param name="lines">Its lines.</param>
    /// <exception cref="ConfigurationException">A line is malformed.</exception>
    public static IReadOnlyList<IniOption> Parse(string path, IEnumerable<string> lines)
    {
        ArgumentNullException.ThrowIfNull(lines);
        var parser = new Parser(path);
        foreach (string line in lines)
        {
            parser.Add(line);
        }

        return parser.Options;
    }

    private sealed class Parser(string path)
    {
        private readonly List<IniOption> _options = [];
        private readonly HashSet<(string Section, string Name)> _seen = [];
        private int _line;
        private string? _section;

        // Whether the last option can be continued, and the indentation of its line.
        private bool _isContinuable;
        private int _indent;

        public IReadOnlyList<IniOption> Options =>
            [.. _options.Select(option => option with { Value = option.Value.TrimEnd() })];

        public void Add(string raw)
        {
            _line++;
            string line = raw.Trim();
            if (line.Length == 0)
            {
                // An empty line inside a value. Removed again at its end.
                Continue("");
                return;
            }

            if (line[0] is '#' or ';')
            {
                return;
            }

            int indent = raw.Length - raw.TrimStart().Length;
            if (_isContinuable && indent > _indent)
            {
                Continue(line);
                return;
            }

            _indent = indent;
            if (line[0] == '[')
            {
                AddSection(line);
            }
            else
            {
                AddOption(line);
            }
        }

        private void AddSection(string line)
        {
            int end = line.LastIndexOf(']');
            if (end < 2)
            {
                throw Malformed("a section is written [name]");
            }

            _section = line[1..end];
            _isContinuable = false;
            if (!_seen.Add((_section, "")) && _section != IniOption.DefaultSection)
            {
                throw Malformed($"section [{_section}] stands here a second time; put its options together");
            }

            _options.Add(new IniOption(_section, "", "", path));
        }

        private void AddOption(string line)
        {
            if (_section is null)
            {
                throw Malformed("an option stands before the first [section]");
            }

            int separator = line.IndexOfAny(['=', ':']);
#pragma warning disable CA1308 // Python's own rule is lower case.
            string name = (separator < 0 ? line : line[..separator]).Trim().ToLowerInvariant();
#pragma warning restore CA1308
            string value = separator < 0 ? "" : line[(separator + 1)..].Trim();
            if (name.Length == 0)
            {
                throw Malformed("an option is written name = value");
            }

            if (!_seen.Add((_section, name)))
            {
                throw Malformed($"option '{name}' of section [{_section}] stands here a second time");
            }

            _options.Add(new IniOption(_section, name, value, path));
            _isContinuable = true;
        }

        private void Continue(string line)
        {
            if (_isContinuable)
            {
                _options[^1] = _options[^1] with { Value = $"{_options[^1].Value}\n{line}" };
            }
        }

        private ConfigurationException Malformed(string what) => new($"{path}, line {_line}: {what}");
    }
}
