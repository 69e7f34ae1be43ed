using ImageIO.Core.Backends;

namespace ImageIO.Backends.Nbd.Dialing;

/// <summary>Options of NBD connections: section <c>[backend_nbd]</c>.</summary>
public sealed record NbdSettings
{
    /// <summary>
    /// Most connections of one open image, 1 or more. A further one is opened only when it is needed.
    /// </summary>
    public int Connections { get; init; } = 4;

    /// <summary>How long connecting and negotiating together may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a server that owes a reply may send nothing before it is given up. Zero: without end.
    /// </summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>Directories that Unix sockets must be below. Empty: no restriction.</summary>
    public IReadOnlyList<string> AllowUnix { get; init; } = [];

    /// <summary>
    /// PEM file with the authorities that servers' certificates must lead to. Empty: no encrypted connections.
    /// </summary>
    public string TlsCaFile { get; init; } = "";

    /// <summary>PEM file with the certificate for servers. Empty: none.</summary>
    public string TlsCertFile { get; init; } = "";

    /// <summary>PEM file with that certificate's key.</summary>
    public string TlsKeyFile { get; init; } = "";

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The TCP addresses that may be connected to.</summary>
    internal AllowedHosts AllowTcp { get; init; } = AllowedHosts.Loopback;

    /// <summary>Reads the section of the configuration.</summary>
    /// <exception cref="Exception">A value cannot be used; the message says which, and what would be right.</exception>
    internal static NbdSettings Read(IBackendOptions options)
    {
        var settings = new NbdSettings
        {
            Connections = options.Integer("connections", 4, 1, 16),
            ConnectTimeout = options.Seconds("connect_timeout", 10),
            StallTimeout = options.Seconds("stall_timeout", 300),
            AllowUnix = options.Text("allow_unix", "").Split(' ', StringSplitOptions.RemoveEmptyEntries),
            AllowTcp = AllowedHosts.TryParse(options.Text("allow_tcp", "loopback"))
                ?? throw options.Wrong("allow_tcp", "none, any, or loopback and HOST[:PORT] separated by blanks"),
            TlsCaFile = options.Text("tls_ca_file", ""),
            TlsCertFile = options.Text("tls_cert_file", ""),
            TlsKeyFile = options.Text("tls_key_file", ""),
        };
        settings.Check(options);
        return settings;
    }

    private void Check(IBackendOptions options)
    {
        if (ConnectTimeout <= TimeSpan.Zero)
        {
            throw options.Wrong("connect_timeout", "a number of seconds, more than 0");
        }

        if (!AllowUnix.All(directory => directory.StartsWith('/')))
        {
            throw options.Wrong("allow_unix", "absolute paths of directories, separated by blanks");
        }

        if (TlsCertFile.Length > 0 != TlsKeyFile.Length > 0)
        {
            throw options.Wrong(
                TlsKeyFile.Length > 0 ? "tls_key_file" : "tls_cert_file",
                "tls_cert_file and tls_key_file both, or neither");
        }

        foreach ((string option, string file) in
            new[] { ("tls_ca_file", TlsCaFile), ("tls_cert_file", TlsCertFile), ("tls_key_file", TlsKeyFile) })
        {
            if (file.Length > 0 && !File.Exists(file))
            {
                throw options.Wrong(option, "a PEM file that exists");
            }
        }
    }
}
