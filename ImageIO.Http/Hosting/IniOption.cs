namespace ImageIO.Http.Hosting;

/// <summary>One option as a file gives it.</summary>
/// <param name="Section">Its section.</param>
/// <param name="Name">Its name, in lower case.</param>
/// <param name="Value">Its value, perhaps empty.</param>
/// <param name="File">Where it stands.</param>
public sealed record IniOption(string Section, string Name, string Value, string File);
