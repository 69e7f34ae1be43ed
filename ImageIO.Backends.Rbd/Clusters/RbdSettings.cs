using ImageIO.Core.Backends;

namespace ImageIO.Backends.Rbd.Clusters;

/// <summary>How clusters are connected to: section <c>[backend_rbd]</c>.</summary>
public sealed record RbdSettings
{
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <summary>Files that describe clusters. A URL names one of them, or means the first.</summary>
    public IReadOnlyList<string> ConfFiles { get; init; } = ["/etc/ceph/ceph.conf"];

    /// <summary>The user when a URL names none, without <c>client.</c>.</summary>
    public string Id { get; init; } = "imageio";

    /// <summary>File with the user's key. Empty: what the cluster's file says.</summary>
    public string Keyring { get; init; } = "";

    /// <summary>How long connecting to a cluster may take, and the look-up of a pool.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the cluster may take for one request on an object: whole seconds, 1 or more.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Which extents trust object maps.</summary>
    public FastDiff FastDiff { get; init; } = FastDiff.Zero;

    /// <summary>How long a connection that no image uses is kept.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Reads the section of the configuration.</summary>
    /// <exception cref="Exception">A value cannot be used; the message says which, and what would be right.</exception>
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
