using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Hosting;

/// <summary>Logs the warnings of a configuration's reader, once, after the start.</summary>
public static partial class ConfigurationWarnings
{
    /// <summary>Logs each option whose effect differs from its text, or that has none.</summary>
    public static void LogWarnings(this ConfigurationReader reader, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(reader);
        foreach (string warning in reader.Warnings)
        {
            Found(logger, warning);
        }
    }

    [LoggerMessage(52, LogLevel.Warning, "{Warning}")]
    private static partial void Found(ILogger logger, string warning);
}
