namespace ImageIO.Configuration;

/// <summary>Warnings about options whose effect differs from their text, or that have none.</summary>
public sealed partial class ConfigurationReader
{
    private readonly HashSet<string> _ignoredSections = new(StringComparer.Ordinal);

    /// <summary>One sentence per option, with file, section, option, value and a remedy.</summary>
    public IEnumerable<string> Warnings => _warnings.Concat(Unknown.Select(option => DescribeUnknown(option)));

    /// <summary>Options in the files that this version does not know.</summary>
    public IEnumerable<IniOption> Unknown
    {
        get
        {
            HashSet<(string, string)> known = [.. _effective.Select(option => (option.Section, option.Name))];
            HashSet<string> names = [.. _effective.Select(option => option.Name)];
            return _given.Values.Where(option => option.Section == IniOption.DefaultSection
                ? !names.Contains(option.Name)
                : !_ignoredSections.Contains(option.Section) && !known.Contains((option.Section, option.Name)));
        }
    }

    /// <summary>Accepts all options in a section, without effect.</summary>
    public void Ignore(string section) => _ignoredSections.Add(section);

    /// <summary>Records that an option has another effect than its text says.</summary>
    /// <param name="section">The section.</param>
    /// <param name="name">The option. If no file has it, nothing is recorded.</param>
    /// <param name="consequence">The actual effect, and a remedy.</param>
    public void Warn(string section, string name, string consequence)
    {
        if (Find(section, name) is { } option)
        {
            Warn(option, consequence);
        }
    }

    /// <summary>One sentence about an unknown option, with the most similar known one.</summary>
    /// <param name="option">The option.</param>
    /// <param name="consequence">Its effect.</param>
    public string DescribeUnknown(IniOption option, string consequence = " has no effect")
    {
        ArgumentNullException.ThrowIfNull(option);
        string sentence = $"{option.File}: unknown option '{option.Name}' in section [{option.Section}]{consequence}";
        return Nearest(option) is { } nearest ? $"{sentence}, did you mean {nearest}?" : sentence;
    }

    private void Warn(IniOption option, string consequence) => _warnings.Add($"{Named(option)}: {consequence}");

    // Looks in its own section first, then for the same name in others, then for a similar section.
    private string? Nearest(IniOption unknown)
    {
        string? inSection = Closest(
            _effective.Where(option => option.Section == unknown.Section).Select(option => option.Name), unknown.Name);
        if (inSection is not null)
        {
            return $"'{inSection}'";
        }

        IEnumerable<string> sections = _effective
            .Where(option => option.Name == unknown.Name).Select(option => option.Section);
        string? section = Closest(sections, unknown.Section) ?? sections.FirstOrDefault();
        return section is null ? null : $"'{unknown.Name}' in section [{section}]";
    }

    // A plausible typing error: at most a third of the letters differ.
    private static string? Closest(IEnumerable<string> names, string text) => names
        .Select(name => (Name: name, Distance: EditDistance(name, text)))
        .Where(pair => pair.Distance <= Math.Max(2, text.Length / 3))
        .OrderBy(pair => pair.Distance)
        .Select(pair => pair.Name)
        .FirstOrDefault();

    // Levenshtein distance, one row at a time.
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
}
