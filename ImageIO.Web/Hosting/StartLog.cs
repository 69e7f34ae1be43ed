using ImageIO.Core.Backends;
using ImageIO.Http.Hosting;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Web.Options;

namespace ImageIO.Web.Hosting;

/// <summary>Log lines of the daemon's start.</summary>
internal static partial class StartLog
{
    public static void Write(ILogger logger, WebApplication app, DaemonConfiguration configuration)
    {
        Started(
            logger,
            ProductVersion.Text, app.Services.GetRequiredService<BoundListeners>().Urls, configuration.BufferCeiling);
        foreach (IBackendFactory factory in app.Services.GetRequiredService<BackendRegistry>().Factories)
        {
            string schemes = string.Join(", ", factory.Schemes);
            if (factory.Unavailable is { } reason)
            {
                UnavailableBackend(logger, factory.Name, schemes, reason);
            }
            else
            {
                FoundBackend(logger, factory.Name, schemes, factory.GetType().Assembly.GetName().Name);
            }
        }

        configuration.Reader.LogWarnings(logger);
    }

    [LoggerMessage(40, LogLevel.Information, "ImageIO daemon {Version} serves {Addresses}; image buffers take at most "
        + "{Ceiling} bytes")]
    private static partial void Started(ILogger logger, string version, string addresses, long ceiling);

    [LoggerMessage(41, LogLevel.Information, "Backend {Name} for {Schemes} found in {Assembly}")]
    private static partial void FoundBackend(ILogger logger, string name, string schemes, string? assembly);

    [LoggerMessage(43, LogLevel.Warning, "Backend {Name} for {Schemes} is unavailable: {Reason}")]
    private static partial void UnavailableBackend(ILogger logger, string name, string schemes, string reason);
}
