using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Hosting;

/// <summary>Logs what a configuration's reader found odd, once, after the start.</summary>
public static partial class ConfigurationWarnings
{
    /// <summary>Writes a line for each option that counts otherwise than it is written, or not at all.</summary>
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
