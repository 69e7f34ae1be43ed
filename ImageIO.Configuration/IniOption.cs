namespace ImageIO.Configuration;

/// <summary>One option in a file, or the header of a section, whose name is empty.</summary>
/// <param name="Section">Its section.</param>
/// <param name="Name">Its name, in lower case.</param>
/// <param name="Value">Its value, perhaps empty; continuation lines are separated by line feeds.</param>
/// <param name="File">Its file.</param>
public sealed record IniOption(string Section, string Name, string Value, string File)
{
    /// <summary>The section with defaults for all other sections (Python's RawConfigParser).</summary>
    public const string DefaultSection = "DEFAULT";

    /// <summary>Whether it is the header of a section.</summary>
    public bool IsHeader => Name.Length == 0;
}
