using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Engine;

/// <summary>A section of <c>ovirt-img.conf</c>, as the reference's tool reads it.</summary>
internal sealed class ReferenceConfiguration
{
    private readonly Dictionary<string, string> _values;

    private ReferenceConfiguration(Dictionary<string, string> values) => _values = values;

    /// <summary>No configuration.</summary>
    public static ReferenceConfiguration Empty { get; } = new([]);

    public static string DefaultPath => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } directory
            ? directory
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"),
        "ovirt-img.conf");

    /// <summary>A value. Null: not configured.</summary>
    public string? this[string key] => _values.GetValueOrDefault(key);

    /// <summary>Reads a section.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: there is no such file or
    /// section.</exception>
    public static ReferenceConfiguration Read(string path, string section)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TransferException(
                TransferError.InvalidRequest, $"The configuration {path} cannot be read: {e.Message}", e);
        }

        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        bool found = false;
        bool inside = false;
        foreach (string line in lines.Select(line => line.Trim()).Where(
            line => line.Length > 0 && line[0] is not ('#' or ';')))
        {
            if (line.StartsWith('[') && line.EndsWith(']'))
            {
                inside = line[1..^1] == section;
                found |= inside;
            }
            else if (inside && line.IndexOfAny(['=', ':']) is > 0 and var split)
            {
                values[line[..split].Trim().ToLowerInvariant()] = line[(split + 1)..].Trim();
            }
        }

        return found
            ? new ReferenceConfiguration(values)
            : throw new TransferException(TransferError.InvalidRequest, $"There is no section [{section}] in {path}");
    }

    /// <summary>A switch, in any of the words for it.</summary>
    public bool? Switch(string key) => this[key]?.ToLowerInvariant() switch
    {
        null => null,
        "1" or "yes" or "true" or "on" => true,
        "0" or "no" or "false" or "off" => false,
        var other => throw new TransferException(
            TransferError.InvalidRequest, $"Invalid value for {key}: {other}, expected yes or no"),
    };

    /// <summary>A number of seconds.</summary>
    public TimeSpan? Seconds(string key) => this[key] is not { } text
        ? null
        : int.TryParse(text, out int seconds) && seconds >= 0
            ? TimeSpan.FromSeconds(seconds)
            : throw new TransferException(
                TransferError.InvalidRequest, $"Invalid value for {key}: {text}, expected seconds");
}
