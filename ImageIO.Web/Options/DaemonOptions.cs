using ImageIO.Http.Hosting;

namespace ImageIO.Web.Options;

/// <summary>Section <c>[daemon]</c>.</summary>
public sealed record DaemonOptions
{
    private const string Section = "daemon";

    /// <summary>Connections that a client is told it may use for one transfer.</summary>
    public required int MaxConnections { get; init; }

    /// <summary>A ticket's <c>inactivity_timeout</c> when the manager gives none, in seconds.</summary>
    public required int InactivityTimeoutSeconds { get; init; }

    /// <summary>How long running requests may go on after SIGTERM.</summary>
    public required TimeSpan DrainTimeout { get; init; }

    internal static DaemonOptions Read(ConfigurationReader reader)
    {
        // Accepted because files have it; our daemon waits for events and polls nothing.
        reader.Seconds(Section, "poll_interval", 1.0);
        return new DaemonOptions
        {
            MaxConnections = reader.Integer(Section, "max_connections", 8, minimum: 1),
            InactivityTimeoutSeconds = reader.Integer(Section, "inactivity_timeout", 60, minimum: 1),
            DrainTimeout = reader.Seconds(Section, "drain_timeout", 10),
        };
    }
}
