using System.Globalization;
using ImageIO.Backends.Rbd;
using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Backends.Rbd.Native;
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

    private const string Prefix = "imageio-ceph-";

    private static readonly string Script = Path.Combine(RepositoryFiles.Root, "build", "ceph.sh");

    private readonly string _directory = Path.Combine(
        Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}"));

    private ClusterHandle? _admin;

    /// <summary>Why there is none here. Null: there is one.</summary>
    public static string? WhyNot { get; } = SystemTool.WhyNot("ceph-mon", "ceph-mgr", "ceph-osd", "ceph", "rbd");

    /// <summary>The file that describes it.</summary>
    internal string Conf => Path.Combine(_directory, "ceph.conf");

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

        await StopThoseLeftAsync();
        await SystemTool.RunAsync(Script, "start", _directory);
        _admin = ClusterHandle.Create("admin");
        RbdException.ThrowIfError("rados_conf_read_file", LibRados.ReadConfFile(_admin, Conf));
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
        await SystemTool.RunAsync(Script, "stop", _directory);
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

    /// <summary>The URL of an image in its pool.</summary>
    internal static ImageUrl Url(string image) => ImageUrl.Parse($"rbd:rbd/{image}");

    /// <summary>A command to the monitors, like <c>osd pool set-quota</c>, in JSON.</summary>
    internal void Command(string json) => RbdAdmin.Command(_admin!, json);

    /// <summary>Stops or continues its OSD.</summary>
    internal async Task OsdAsync(string action) => await SystemTool.RunAsync(Script, "osd", _directory, "0", action);

    /// <summary>A program of Ceph's as the administrator.</summary>
    internal async Task<string> RunAsync(string program, params string[] arguments) =>
        await SystemTool.RunAsync(program, ["-c", Conf, .. arguments]);

    // Those of runs that were killed.
    private static async Task StopThoseLeftAsync()
    {
        foreach (string left in Directory.EnumerateDirectories(Path.GetTempPath(), $"{Prefix}*"))
        {
            if (!Directory.Exists($"/proc/{Path.GetFileName(left)[Prefix.Length..]}"))
            {
                await SystemTool.RunAsync(Script, "stop", left);
            }
        }
    }
}
