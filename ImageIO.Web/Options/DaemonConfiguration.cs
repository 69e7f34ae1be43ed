using ImageIO.Core.Backends;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Hosting;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Http.Listeners;
using ImageIO.Transport.Tls;

namespace ImageIO.Web.Options;

/// <summary>The daemon's whole configuration, checked: an instance is always usable.</summary>
public sealed record DaemonConfiguration
{
    private const string BackendSection = "backend_";

    // Sections that files may have whether or not the backend is installed.
    private static readonly string[] BackendNames = ["file", "block", "nbd", "rbd", "http"];

    private readonly IReadOnlyDictionary<string, RingSettings> _rings;

    private DaemonConfiguration(ConfigurationReader reader, IReadOnlyDictionary<string, RingSettings> rings)
    {
        _rings = rings;
        Reader = reader;
    }

    /// <summary>The directory that it was read from. Null: not from files.</summary>
    public string? Directory { get; init; }

    /// <summary>Section <c>[daemon]</c>.</summary>
    public required DaemonOptions Daemon { get; init; }

    /// <summary>Section <c>[tls]</c>.</summary>
    public required TlsOptions Tls { get; init; }

    /// <summary>Section <c>[remote]</c>.</summary>
    public required RemoteOptions Remote { get; init; }

    /// <summary>Section <c>[local]</c>.</summary>
    public required LocalOptions Local { get; init; }

    /// <summary>Section <c>[control]</c>.</summary>
    public required ControlOptions Control { get; init; }

    /// <summary>
    /// Section <c>[cors]</c>: origins whose pages may use images, separated by blanks; <c>*</c>: any.
    /// </summary>
    public required string AllowOrigin { get; init; }

    /// <summary>Section <c>[page]</c>: whether the remote service has the page for browsers.</summary>
    public required bool HasPage { get; init; }

    /// <summary>
    /// Section <c>[backend_http]</c>: PEM file of the authorities for other daemons. Empty: the system's authorities.
    /// </summary>
    public required string UpstreamAuthoritiesFile { get; init; }

    /// <summary>Section <c>[monitor]</c>: where metrics and health are served besides the control service.</summary>
    public required MonitorAddress Monitor { get; init; }

    /// <summary>Section <c>[telemetry]</c>: where traces are sent to.</summary>
    public required TelemetrySettings Telemetry { get; init; }

    /// <summary>Logging.</summary>
    public required LogSettings Log { get; init; }

    /// <summary>Every option with its effective value, and the unknown ones.</summary>
    public ConfigurationReader Reader { get; }

    /// <summary>
    /// Most bytes of all operations' buffers: a full ring for each of sixteen transfers (with the default
    /// <c>max_connections</c> of 8: two clients that use all of theirs). More transfers share it.
    /// </summary>
    public long BufferCeiling => 2L * Daemon.MaxConnections
        * _rings.Values.Append(new RingSettings()).Max(ring => (long)RoundUp(ring.BufferSize) * ring.QueueDepth);

    /// <summary>Ring settings of a backend. Defaults if it has no section.</summary>
    public RingSettings RingFor(string backendName) => _rings.GetValueOrDefault(backendName) ?? new RingSettings();

    /// <summary>Reads the drop-ins of the vendor and of <paramref name="directory"/>.</summary>
    /// <exception cref="ConfigurationException">There is none, or one is wrong.</exception>
    public static DaemonConfiguration Load(string directory) => Load(directory, DropIns.VendorDirectory);

    internal static DaemonConfiguration Load(string directory, string vendorDirectory) =>
        Read(DropIns.Read(directory, vendorDirectory)) with { Directory = directory };

    internal static DaemonConfiguration Read(IEnumerable<IniOption> given)
    {
        IniOption[] options = [.. given];
        var reader = new ConfigurationReader(options);
        var daemon = DaemonOptions.Read(reader);
        var tls = TlsOptions.Read(reader);
        string upstreamAuthorities = reader.Text("backend_http", "ca_file", "");
        IEnumerable<string> plugins = options
            .Where(option => option.Section.StartsWith(BackendSection, StringComparison.Ordinal))
            .Select(option => option.Section[BackendSection.Length..]);
        // The reference's profiler, which this daemon does not have.
        reader.Text("profile", "filename", "/run/ovirt-imageio/profile");
        reader.Ignore("profile");
        return new DaemonConfiguration(reader, BackendNames.Union(plugins).ToDictionary(
            name => name, name => BackendOptions.Read(reader, name), StringComparer.Ordinal))
        {
            Daemon = daemon,
            Tls = tls,
            UpstreamAuthoritiesFile = upstreamAuthorities.Length > 0 ? upstreamAuthorities : tls.AuthoritiesFile,
            Remote = RemoteOptions.Read(reader),
            Local = LocalOptions.Read(reader),
            Control = ControlOptions.Read(reader),
            AllowOrigin = reader.Text("cors", "allow_origin", "*"),
            HasPage = reader.Boolean("page", "enable", true),
            Log = LogOptions.Read(reader),
            Telemetry = TelemetrySettings.Read(reader, "telemetry", "otlp_endpoint"),
            Monitor = reader.Parsed(
                "monitor", "address", MonitorAddress.None, MonitorAddress.Parse, MonitorAddress.Expected),
        };
    }

    /// <summary>How to reach the daemons that requests are forwarded to.</summary>
    /// <exception cref="ConfigurationException">The authorities' file is not usable.</exception>
    internal UpstreamSettings Upstream()
    {
        CertificateAuthorities? authorities = null;
        if (UpstreamAuthoritiesFile.Length > 0)
        {
            authorities = new CertificateAuthorities(UpstreamAuthoritiesFile);
            authorities.Check();
        }

        // The proxy has options for these, with the same defaults.
        return new UpstreamSettings(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(120), authorities);
    }

    private static int RoundUp(int size) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)size);
}
