namespace ImageIO.Http.Hosting;

/// <summary>
/// An INI file as existing managers write it: <c>[section]</c>, <c>option = value</c>, comment lines with <c>#</c> or
/// <c>;</c>. Values are taken as they stand: no quotes are removed, nothing is interpolated.
/// </summary>
/// <remarks>
/// Why not Microsoft.Extensions.Configuration.Ini: it removes quotes, takes lines with <c>/</c> for comments, refuses an
/// option without a value, and forgets which file a value came from, which an error message must name.
/// </remarks>
public static class IniFile
{
    /// <summary>Reads a file.</summary>
    /// <returns>Its options in order. Option names are in lower case.</returns>
    /// <exception cref="ConfigurationException">The file cannot be read, or a line is none of the above.</exception>
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

    internal static IReadOnlyList<IniOption> Parse(string path, IEnumerable<string> lines)
    {
        var options = new List<IniOption>();
        var seen = new HashSet<(string, string)>();
        string? section = null;
        int number = 0;
        foreach (string raw in lines)
        {
            number++;
            string line = raw.Trim();
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            if (line[0] == '[')
            {
                section = line[^1] == ']' && line.Length > 2
                    ? line[1..^1]
                    : throw Malformed(path, number, "a section is written [name]");
                continue;
            }

            if (section is null)
            {
                throw Malformed(path, number, "an option stands before the first [section]");
            }

            int separator = line.IndexOfAny(['=', ':']);
            string name = (separator < 0 ? line : line[..separator]).Trim().ToLowerInvariant();
            string value = separator < 0 ? "" : line[(separator + 1)..].Trim();
            if (name.Length == 0)
            {
                throw Malformed(path, number, "an option is written name = value");
            }

            if (!seen.Add((section, name)))
            {
                throw Malformed(path, number, $"option '{name}' of section [{section}] stands here a second time");
            }

            options.Add(new IniOption(section, name, value, path));
        }

        return options;
    }

    private static ConfigurationException Malformed(string path, int line, string what) =>
        new($"{path}, line {line}: {what}");
}
