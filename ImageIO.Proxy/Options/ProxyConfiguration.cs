using System.Net;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Hosting;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Http.Listeners;
using ImageIO.Proxy.SignedTickets;
using ImageIO.Transport.Tls;

namespace ImageIO.Proxy.Options;

/// <summary>The proxy's configuration file: one section, <c>[proxy]</c>.</summary>
public sealed record ProxyConfiguration
{
    /// <summary>Default file.</summary>
    public const string DefaultFile = "/etc/ovirt-imageio-proxy/ovirt-imageio-proxy.conf";

    private const string Section = "proxy";

    // A day, in seconds. A larger value is a misunderstanding of the unit.
    private const int LongestTimeout = 24 * 3600;

    private ProxyConfiguration(ConfigurationReader reader) => Reader = reader;

    /// <summary>Where it listens.</summary>
    public required ListenHost Host { get; init; }

    /// <summary>Its port; 0: any free one.</summary>
    public required int Port { get; init; }

    /// <summary>Whether clients speak TLS.</summary>
    public required bool UseTls { get; init; }

    /// <summary>PEM file of the server's private key.</summary>
    public required string KeyFile { get; init; }

    /// <summary>PEM file of the server's certificate.</summary>
    public required string CertificateFile { get; init; }

    /// <summary>PEM file of the certificate whose key signs tickets.</summary>
    public required string EngineCertificateFile { get; init; }

    /// <summary>PEM file of the authority that must have signed the certificates of signer and daemons.</summary>
    public required string EngineAuthorityFile { get; init; }

    /// <summary>Whether the authority must have signed the signer's certificate.</summary>
    public required bool VerifyCertificate { get; init; }

    /// <summary>Whether tickets are signed; false for development only.</summary>
    public required bool SignedTickets { get; init; }

    /// <summary>Tolerated difference of clocks in signed tickets.</summary>
    public required TimeSpan AllowedSkew { get; init; }

    /// <summary>How long connecting to a daemon may take.</summary>
    public required TimeSpan ConnectTimeout { get; init; }

    /// <summary>How long a daemon may send and accept nothing while it must.</summary>
    public required TimeSpan ReadTimeout { get; init; }

    /// <summary>Directory of the keys of sessions. Empty: keys in memory.</summary>
    public required string SessionKeyDirectory { get; init; }

    /// <summary>Where metrics and health are served.</summary>
    public required MonitorAddress Monitor { get; init; }

    /// <summary>How long running requests may continue when the proxy is stopped.</summary>
    public required TimeSpan DrainTimeout { get; init; }

    /// <summary>The origin whose web pages may use the proxy, or <c>*</c>.</summary>
    public required string AllowOrigin { get; init; }

    /// <summary>Whether the proxy serves the page for browsers.</summary>
    public required bool HasPage { get; init; }

    /// <summary>Where traces are sent to.</summary>
    public required TelemetrySettings Telemetry { get; init; }

    /// <summary>Logging.</summary>
    public required LogSettings Log { get; init; }

    /// <summary>The file that it was read from. Null: none.</summary>
    public string? File { get; private init; }

    /// <summary>Every option with its effective value.</summary>
    public ConfigurationReader Reader { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConfigurationException">It is missing, or an option is unknown or wrong.</exception>
    public static ProxyConfiguration Load(string file) => Read(IniFile.Read(file)) with { File = file };

    internal static ProxyConfiguration Read(IEnumerable<IniOption> options)
    {
        var reader = new ConfigurationReader(options);
        TlsTransportOption.Read(reader, Section, "ssl_transport");
        var configuration = new ProxyConfiguration(reader)
        {
            Host = ListenHost.Read(reader, Section, "host", ""),
            Port = reader.Integer(Section, "port", 54323, 0, ServicePort.Largest),
            UseTls = reader.Boolean(Section, "use_ssl", true),
            KeyFile = reader.Text(Section, "ssl_key_file", "/etc/pki/ovirt-engine/keys/image-proxy.key.nopass"),
            CertificateFile = reader.Text(Section, "ssl_cert_file", "/etc/pki/ovirt-engine/certs/image-proxy.cer"),
            EngineCertificateFile = reader.Text(Section, "engine_cert_file", "/etc/pki/ovirt-engine/certs/engine.cer"),
            EngineAuthorityFile = reader.Text(Section, "engine_ca_cert_file", "/etc/pki/ovirt-engine/ca.pem"),
            VerifyCertificate = reader.Boolean(Section, "verify_certificate", true),
            SignedTickets = reader.Boolean(Section, "signed_proxy_ticket", true),
            AllowedSkew = TimeSpan.FromSeconds(reader.Integer(Section, "allowed_skew_seconds", 0, minimum: 0)),
            ConnectTimeout = TimeSpan.FromSeconds(
                reader.Integer(Section, "imaged_connection_timeout_sec", 10, 1, LongestTimeout)),
            ReadTimeout = TimeSpan.FromSeconds(
                reader.Integer(Section, "imaged_read_timeout_sec", 120, 1, LongestTimeout)),
            SessionKeyDirectory = reader.Text(Section, "session_key_dir", ""),
            Monitor = reader.Parsed(
                Section, "monitor_address",
                MonitorAddress.Parse("127.0.0.1:54325")!, MonitorAddress.Parse, MonitorAddress.Expected),
            DrainTimeout = reader.Seconds(Section, "drain_timeout", 10),
            AllowOrigin = reader.Text(Section, "allow_origin", "*"),
            HasPage = reader.Boolean(Section, "page_enable", true),
            Log = ReadLog(reader),
            Telemetry = TelemetrySettings.Read(reader, Section, "otlp_endpoint"),
        };

        // Accepted because existing files have it. Nothing is polled.
        reader.Seconds(Section, "poll_interval", 1.0);
        if (reader.Boolean(Section, "enable_tls1_1", false))
        {
            reader.Warn(Section, "enable_tls1_1", "TLS 1.1 is not served any more (RFC 8996), clients need 1.2 or 1.3; "
                + "remove the option");
        }

        // As in the reference: an unknown option is an error, because it may be a misspelt one about trust.
        if (reader.Unknown.FirstOrDefault() is { } unknown)
        {
            throw new ConfigurationException(reader.DescribeUnknown(unknown, consequence: ""));
        }

        return configuration;
    }

    /// <summary>The listener for clients and, unless it is disabled, the one for metrics and health.</summary>
    /// <exception cref="ConfigurationException">A TLS file is not usable.</exception>
    internal IReadOnlyList<ServiceListener> Listeners(string service, string monitor)
    {
        var clients = new ServiceListener
        {
            Service = service,
            Address = new IPEndPoint(Host.Resolve(), Port),
            Tls = UseTls ? ServerTls.Load(CertificateFile, KeyFile, authoritiesFile: "") : null,
        };
        // The monitor first: a probe that finds the proxy's port open asks for its health next.
        return Monitor.IsEnabled ? [Monitor.Listener(monitor), clients] : [clients];
    }

    /// <summary>The verifier of signed tickets.</summary>
    /// <exception cref="ConfigurationException">A certificate is not usable.</exception>
    internal TicketVerifier Verifier(TimeProvider time)
    {
        SignerCertificate? signer = null;
        if (SignedTickets)
        {
            signer = new SignerCertificate(EngineCertificateFile, VerifyCertificate ? EngineAuthorityFile : null);
            signer.Check();
        }

        return new TicketVerifier(signer, AllowedSkew, time);
    }

    /// <summary>How to reach daemons.</summary>
    /// <exception cref="ConfigurationException">The authority's certificate is not usable.</exception>
    internal UpstreamSettings Upstream()
    {
        var authorities = new CertificateAuthorities(EngineAuthorityFile);
        authorities.Check();
        return new UpstreamSettings(ConnectTimeout, ReadTimeout, authorities);
    }

    private static LogSettings ReadLog(ConfigurationReader reader)
    {
        string file = reader.Text(Section, "log_file", "");
        bool json = reader.Choice(Section, "log_format", "text", "text", "json") == "json";
        return new LogSettings
        {
            Level = LogLevels.Parse(reader.Choice(Section, "log_level", "INFO", LogLevels.Names)),
            // The host's logrotate limits its size, and renames it for that.
            Targets = [file.Length == 0
                ? new LogStreamTarget { IsJson = json } : new LogFileTarget(file) { IsJson = json, IsWatched = true }],
        };
    }
}
