using ImageIO.Core.Backends;

namespace ImageIO.Backends.Rbd.Clusters;

/// <summary>Options of connections to clusters: section <c>[backend_rbd]</c>.</summary>
public sealed record RbdSettings
{
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <summary>Files that describe clusters. The first is the default; a URL may name another.</summary>
    public IReadOnlyList<string> ConfFiles { get; init; } = ["/etc/ceph/ceph.conf"];

    /// <summary>The default user, without <c>client.</c>.</summary>
    public string Id { get; init; } = "imageio";

    /// <summary>File with the user's key. Empty: as in the cluster's file.</summary>
    public string Keyring { get; init; } = "";

    /// <summary>Most time to connect to a cluster, and to look up a pool.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most time of the cluster for one request on an object: whole seconds, 1 or more.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Which extents trust object maps.</summary>
    public FastDiff FastDiff { get; init; } = FastDiff.Zero;

    /// <summary>How long an idle connection is kept.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Reads the section of the configuration.</summary>
    /// <exception cref="Exception">A value cannot be used; the message says which values can.</exception>
    internal static RbdSettings Read(IBackendOptions options)
    {
        var settings = new RbdSettings
        {
            ConfFiles = options.Text("conf", "/etc/ceph/ceph.conf").Split(' ', StringSplitOptions.RemoveEmptyEntries),
            Id = options.Text("id", "imageio"),
            Keyring = options.Text("keyring", ""),
            ConnectTimeout = options.Seconds("connect_timeout", 10),
            OperationTimeout = options.Seconds("op_timeout", 60),
            FastDiff = options.Text("fast_diff", "zero") switch
            {
                "never" => FastDiff.Never,
                "zero" => FastDiff.Zero,
                "always" => FastDiff.Always,
                _ => throw options.Wrong("fast_diff", "never, zero or always"),
            },
        };
        if (settings.ConfFiles.Count == 0 || !settings.ConfFiles.All(file => file.StartsWith('/')))
        {
            throw options.Wrong("conf", "absolute paths of ceph.conf files, separated by blanks");
        }

        if (settings.Id.Length == 0 || settings.Id.StartsWith("client.", StringComparison.Ordinal))
        {
            throw options.Wrong("id", "the name of a user without client. before it, like imageio");
        }

        // Ceph counts whole seconds, and 0 means for ever.
        foreach ((string option, TimeSpan time) in
            new[] { ("connect_timeout", settings.ConnectTimeout), ("op_timeout", settings.OperationTimeout) })
        {
            if (time < TimeSpan.FromSeconds(1) || time > Longest)
            {
                throw options.Wrong(option, $"a number of seconds, 1 to {Longest.TotalSeconds}");
            }
        }

        return settings;
    }
}
