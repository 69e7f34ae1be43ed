using System.Text.Json;
using System.Text.RegularExpressions;
using ImageIO.Http.Hosting;
using ImageIO.Http.Hosting.Logs;

namespace ImageIO.Web.Options;

/// <summary>Sections <c>[logger_root]</c> and <c>[handler_logfile]</c>.</summary>
public static partial class LogOptions
{
    private const string Root = "logger_root";
    private const string LogFile = "handler_logfile";
    private const long DefaultMaxBytes = 20 * 1024 * 1024;
    private const int DefaultBackupCount = 10;

    internal static LogSettings Read(ConfigurationReader reader)
    {
        string level = reader.Choice(Root, "level", "INFO", LogLevels.Names);
        string handler = reader.Choice(Root, "handlers", "logfile", "logfile", "stderr");
        bool json = reader.Choice(Root, "format", "text", "text", "json") == "json";
        string args = reader.Parsed(
            LogFile, "args", "(\"/var/log/ovirt-imageio/daemon.log\",)", text => PathIn(text) is null ? null : text,
            "a path in the form (\"/var/log/ovirt-imageio/daemon.log\",)");
        string kwargs = reader.Parsed(
            LogFile, "kwargs", $$"""{"maxBytes": {{DefaultMaxBytes}}, "backupCount": {{DefaultBackupCount}}}""",
            text => RotationIn(text) is null ? null : text,
            "JSON like {\"maxBytes\": 20971520, \"backupCount\": 10}");
        (long maxBytes, int backupCount) = RotationIn(kwargs)!.Value;
        return new LogSettings
        {
            Level = LogLevels.Parse(level),
            Targets = handler == "stderr"
                ? [new LogStreamTarget { IsJson = json }]
                : [new LogFileTarget(PathIn(args)!) { IsJson = json, Rotation = new SizeRotation(maxBytes) { BackupCount = backupCount } }],
        };
    }

    private static string? PathIn(string args) =>
        Tuple().Match(args) is { Success: true } match ? match.Groups["path"].Value : null;

    private static (long MaxBytes, int BackupCount)? RotationIn(string kwargs)
    {
        try
        {
            using var document = JsonDocument.Parse(kwargs);
            long maxBytes = document.RootElement.TryGetProperty("maxBytes", out JsonElement bytes)
                ? bytes.GetInt64()
                : DefaultMaxBytes;
            int backupCount = document.RootElement.TryGetProperty("backupCount", out JsonElement count)
                ? count.GetInt32()
                : DefaultBackupCount;
            return maxBytes >= 0 && backupCount >= 0 ? (maxBytes, backupCount) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    // The reference evaluates the value as Python; what its files hold is a tuple of one quoted path.
    [GeneratedRegex("""^\(\s*(?<quote>["'])(?<path>[^"']+)\k<quote>\s*,?\s*\)$""", RegexOptions.CultureInvariant)]
    private static partial Regex Tuple();
}
