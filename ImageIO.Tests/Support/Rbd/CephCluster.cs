using System.Globalization;
using ImageIO.Backends.Rbd;
using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Bench.Servers;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Support.Rbd;

/// <summary>A Ceph cluster for the tests of one run, started when the first of them needs it.</summary>
public sealed class CephCluster : IAsyncLifetime
{
    /// <summary>Classes of it share the cluster, and run one after the other.</summary>
    public const string Collection = "Ceph";

    /// <summary>A pool for the data of images whose metadata is in another one.</summary>
    internal const string DataPool = "data";

    /// <summary>A namespace of the pool.</summary>
    internal const string TenantSpace = "tenant";

    /// <summary>Starts clusters.</summary>
    internal static readonly string Script = Path.Combine(RepositoryFiles.Root, "build", "ceph.sh");

    private CephServer? _server;
    private ClusterHandle? _admin;

    /// <summary>Why there is none here. Null: there is one.</summary>
    public static string? WhyNot { get; } = SystemTool.WhyNot("ceph-mon", "ceph-mgr", "ceph-osd", "ceph", "rbd");

    /// <summary>The file that describes it.</summary>
    internal string Conf => _server!.Conf;

    /// <summary>The file with the keys of its users.</summary>
    internal string Keyring => Path.Combine(Path.GetDirectoryName(Conf)!, "keyring");

    /// <summary>Makes images in its pool.</summary>
    internal RbdAdmin Images { get; private set; } = null!;

    /// <summary>Makes images in a namespace of it.</summary>
    internal RbdAdmin Tenant { get; private set; } = null!;

    /// <summary>Opens images as the tests do, with short time limits.</summary>
    internal RbdBackendFactory Factory { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (WhyNot is not null)
        {
            return;
        }

        _server = await CephServer.StartAsync(Script, NewDirectory());
        _admin = ClusterHandle.Create("admin");
        RbdException.ThrowIfError("rados_conf_read_file", LibRados.ReadConfFile(_admin, Conf));
        // It waits for a monitor that was stopped, but not for half a minute after that is back.
        RbdException.ThrowIfError(
            "rados_conf_set", LibRados.SetConf(_admin, "mon_client_hunt_interval_backoff", "1"));
        RbdException.ThrowIfError("rados_connect", LibRados.Connect(_admin));
        Command($$"""{"prefix": "osd pool create", "pool": "{{DataPool}}", "pg_num": 8}""");
        Images = new RbdAdmin(_admin, "rbd");
        Images.Namespace(TenantSpace);
        Tenant = new RbdAdmin(_admin, "rbd", TenantSpace);
        Factory = NewFactory();
    }

    public async Task DisposeAsync()
    {
        if (_admin is null)
        {
            return;
        }

        await Factory.DisposeAsync();
        Images.Dispose();
        Tenant.Dispose();
        _admin.Dispose();
        await _server!.DisposeAsync();
    }

    /// <summary>Skips the test where there is no cluster.</summary>
    public static void Require() => Skip.If(WhyNot is not null, WhyNot);

    /// <summary>How tests connect to it.</summary>
    internal RbdSettings Settings(double seconds = 5) => new()
    {
        ConfFiles = [Conf],
        ConnectTimeout = TimeSpan.FromSeconds(seconds),
        OperationTimeout = TimeSpan.FromSeconds(seconds),
    };

    /// <summary>A factory with connections of its own.</summary>
    internal RbdBackendFactory NewFactory(RbdSettings? settings = null, ILogger<RbdBackendFactory>? logger = null) =>
        new(settings ?? Settings(), logger ?? NullLogger<RbdBackendFactory>.Instance);

    /// <summary>The options of a daemon that serves its images.</summary>
    internal string DaemonOptions(int seconds = 5) =>
        $"[backend_rbd]\nconf = {Conf}\nconnect_timeout = {seconds}\nop_timeout = {seconds}\n";

    /// <summary>The same for a process, which has the backend as a plugin only.</summary>
    internal string ProcessOptions(DaemonFiles files, int seconds)
    {
        string plugins = Path.Combine(files.Path, "plugins");
        Directory.CreateDirectory(plugins);
        string library = typeof(RbdBackendFactory).Assembly.Location;
        File.Copy(library, Path.Combine(plugins, Path.GetFileName(library)));
        return $"{DaemonOptions(seconds)}[daemon]\nplugin_dir = {plugins}\n";
    }

    /// <summary>The URL of an image in its pool.</summary>
    internal static ImageUrl Url(string image) => ImageUrl.Parse($"rbd:rbd/{image}");

    /// <summary>A command to the monitors, like <c>osd pool set-quota</c>, in JSON.</summary>
    internal void Command(string json) => RbdAdmin.Command(_admin!, json);

    /// <summary>Pauses, resumes, kills or starts one of its daemons.</summary>
    internal Task DoAsync(string command, string daemon) => _server!.DoAsync(command, daemon);

    /// <summary>A program of Ceph's as the administrator.</summary>
    internal async Task<string> RunAsync(string program, params string[] arguments) =>
        await SystemTool.RunAsync(program, ["-c", Conf, .. arguments]);

    // In memory where there is such a place: the monitor waits for its disk with every change.
    private static string NewDirectory() => Path.Combine(
        Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(),
        string.Create(CultureInfo.InvariantCulture, $"imageio-ceph-{Environment.ProcessId}"));
}
