namespace ImageIO.Configuration;

/// <summary>One option as a file gives it, or the header of a section, whose name is empty.</summary>
/// <param name="Section">Its section.</param>
/// <param name="Name">Its name, in lower case.</param>
/// <param name="Value">Its value, perhaps empty; continued lines are separated by line feeds.</param>
/// <param name="File">Where it stands.</param>
public sealed record IniOption(string Section, string Name, string Value, string File)
{
    /// <summary>The section whose options count for every section that does not have them (Python's RawConfigParser).</summary>
    public const string DefaultSection = "DEFAULT";

    /// <summary>Whether it stands for <c>[section]</c> itself.</summary>
    public bool IsHeader => Name.Length == 0;
}
