namespace ImageIO.Web.Options;

/// <summary>Section <c>[daemon]</c>.</summary>
public sealed record DaemonOptions
{
    /// <summary>Default directory of third parties' backends.</summary>
    public const string DefaultPluginDirectory = "/usr/lib/ovirt-imageio/backends";

    private const string Section = "daemon";

    /// <summary>Connections that a client may use for one transfer, as OPTIONS tells it.</summary>
    public required int MaxConnections { get; init; }

    /// <summary>A ticket's <c>inactivity_timeout</c> in seconds, if the manager gives none.</summary>
    public required int InactivityTimeoutSeconds { get; init; }

    /// <summary>How long running requests may continue after SIGTERM.</summary>
    public required TimeSpan DrainTimeout { get; init; }

    /// <summary>The directory of the control socket, which the daemon's user must own.</summary>
    public required string RunDirectory { get; init; }

    /// <summary>Whether a daemon that root starts changes to an ordinary user.</summary>
    public required bool DropPrivileges { get; init; }

    /// <summary>The user that it becomes.</summary>
    public required string UserName { get; init; }

    /// <summary>The group that it becomes.</summary>
    public required string GroupName { get; init; }

    /// <summary>Whether to tell systemd how the daemon is.</summary>
    public required bool NotifySystemd { get; init; }

    /// <summary>Where backends of third parties are. Empty: nowhere. The default need not exist.</summary>
    public required string PluginDirectory { get; init; }

    internal static DaemonOptions Read(ConfigurationReader reader)
    {
        // Accepted because files have it; our daemon waits for events and polls nothing.
        reader.Seconds(Section, "poll_interval", 1.0);
        return new DaemonOptions
        {
            MaxConnections = reader.ClampedInteger(Section, "max_connections", 8, minimum: 1),
            InactivityTimeoutSeconds = reader.ClampedInteger(Section, "inactivity_timeout", 60, minimum: 1),
            RunDirectory = reader.Text(Section, "run_dir", "/run/ovirt-imageio"),
            DropPrivileges = reader.Boolean(Section, "drop_privileges", true),
            UserName = reader.Text(Section, "user_name", "ovirtimg"),
            GroupName = reader.Text(Section, "group_name", "ovirtimg"),
            NotifySystemd = reader.Boolean(Section, "systemd_enable", true),
            DrainTimeout = reader.Seconds(Section, "drain_timeout", 10),
            PluginDirectory = reader.Text(Section, "plugin_dir", DefaultPluginDirectory),
        };
    }
}
