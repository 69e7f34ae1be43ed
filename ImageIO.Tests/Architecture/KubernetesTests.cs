using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Proxy.Options;
using ImageIO.Tests.Support;
using ImageIO.Web.Options;

namespace ImageIO.Tests.Architecture;

/// <summary>The Kubernetes manifests, as far as they can be checked without a cluster.</summary>
public sealed class KubernetesTests
{
    private const string Python = "/usr/bin/python3";

    // The reader of YAML is Python's; the platform has none.
    private const string ToJson =
        "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";

    [SkippableTheory]
    [InlineData("proxy.yaml")]
    [InlineData("daemon.yaml")]
    public async Task Every_object_has_a_version_a_kind_and_a_name_of_its_own(string file)
    {
        JsonNode[] objects = await ReadAsync(file);

        Assert.NotEmpty(objects);
        Assert.All(objects, node => Assert.All(
            [node["apiVersion"], node["kind"], node["metadata"]?["name"]], Assert.NotNull));
        Assert.Distinct(objects.Select(node => $"{node["kind"]} {node["metadata"]!["name"]}"));
    }

    [SkippableTheory]
    [InlineData("proxy.yaml")]
    [InlineData("daemon.yaml")]
    public async Task Pods_mount_what_they_have_and_are_asked_at_ports_that_they_have(string file)
    {
        JsonNode[] objects = await ReadAsync(file);
        JsonNode pod = Pod(objects);
        JsonNode container = pod["containers"]!.AsArray().Single()!;

        Assert.Equal(Names(pod["volumes"]), Names(container["volumeMounts"]));
        HashSet<string> ports = [.. Names(container["ports"])];
        Assert.All(["livenessProbe", "readinessProbe"], probe =>
            Assert.Contains(container[probe]!["httpGet"]!["port"]!.GetValue<string>(), ports));
        Assert.All(
            objects.Where(node => Kind(node) == "Service").SelectMany(node => node["spec"]!["ports"]!.AsArray()),
            port => Assert.Contains(port!["targetPort"]!.GetValue<string>(), ports));
        // A manifest names its own objects right: those that are not in it are Secrets, which its head describes.
        Assert.All(pod["volumes"]!.AsArray(), volume =>
        {
            string? map = volume!["configMap"]?["name"]?.GetValue<string>()
                ?? volume["persistentVolumeClaim"]?["claimName"]?.GetValue<string>();
            Assert.True(map is null || objects.Select(node => NameOf(node["metadata"])).Contains(map), map);
        });
    }

    [SkippableTheory]
    [InlineData("proxy.yaml")]
    [InlineData("daemon.yaml")]
    public async Task Pods_have_no_rights_and_get_the_time_to_drain(string file)
    {
        JsonNode[] objects = await ReadAsync(file);
        JsonNode pod = Pod(objects);
        JsonNode rights = pod["containers"]![0]!["securityContext"]!;

        Assert.True(pod["securityContext"]!["runAsNonRoot"]!.GetValue<bool>());
        Assert.False(rights["allowPrivilegeEscalation"]!.GetValue<bool>());
        Assert.Equal("""["ALL"]""", rights["capabilities"]!["drop"]!.ToJsonString());
        double drain = file == "proxy.yaml"
            ? Proxy(objects).DrainTimeout.TotalSeconds
            : Daemon(objects).Daemon.DrainTimeout.TotalSeconds;
        Assert.True(pod["terminationGracePeriodSeconds"]!.GetValue<int>() > drain);
    }

    [SkippableFact]
    public async Task Proxy_is_configured_with_options_that_exist_and_paths_that_are_mounted()
    {
        JsonNode[] objects = await ReadAsync("proxy.yaml");
        ProxyConfiguration configuration = Proxy(objects);

        Assert.Equal("[::]:54325", configuration.Monitor.ToString());
        AssertAreMounted(
            objects,
            configuration.KeyFile,
            configuration.CertificateFile,
            configuration.EngineCertificateFile,
            configuration.EngineAuthorityFile,
            configuration.SessionKeyDirectory);
    }

    [SkippableFact]
    public async Task Daemon_is_configured_with_options_that_exist_and_paths_that_are_mounted()
    {
        JsonNode[] objects = await ReadAsync("daemon.yaml");
        DaemonConfiguration configuration = Daemon(objects);

        Assert.Empty(configuration.Reader.Unknown);
        AssertAreMounted(
            objects, configuration.Tls.KeyFile,
            configuration.Tls.CertificateFile, configuration.Local.Socket, configuration.Control.Socket);
    }

    // Issue 18: the manifest wanted a directory below /run, which a reboot of the node removes.
    [SkippableFact]
    public async Task Daemons_run_directory_is_made_and_given_to_its_user_when_the_node_has_lost_it()
    {
        JsonNode pod = Pod(await ReadAsync("daemon.yaml"));
        JsonNode volume = pod["volumes"]!.AsArray().Single(node => NameOf(node) == "run")!["hostPath"]!;
        JsonNode maker = pod["initContainers"]!.AsArray().Single()!;

        Assert.Equal("DirectoryOrCreate", volume["type"]!.GetValue<string>());
        string user = pod["securityContext"]!["runAsUser"]!.ToJsonString();
        string group = pod["securityContext"]!["runAsGroup"]!.ToJsonString();
        Assert.Equal(
            ["chown", $"{user}:{group}", volume["path"]!.GetValue<string>()],
            maker["command"]!.AsArray().Select(word => word!.GetValue<string>()));
        Assert.Equal(["run"], Names(maker["volumeMounts"]));
    }

    private static async Task<JsonNode[]> ReadAsync(string file)
    {
        Skip.IfNot(File.Exists(Python), $"needs {Python}");
        BufferedCommandResult result = await Cli.Wrap(Python)
            .WithArguments(["-c", ToJson, Path.Combine(RepositoryFiles.Root, "packaging", "kubernetes", file)])
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();
        Skip.If(result.StandardError.Contains("No module named", StringComparison.Ordinal), "needs Python's yaml");
        Assert.True(result.ExitCode == 0, result.StandardError);
        return [.. JsonNode.Parse(result.StandardOutput)!.AsArray().Select(node => node!)];
    }

    private static string Kind(JsonNode node) => node["kind"]!.GetValue<string>();

    private static JsonNode Pod(JsonNode[] objects) =>
        objects.Single(node => Kind(node) is "Deployment" or "DaemonSet")["spec"]!["template"]!["spec"]!;

    private static IEnumerable<string> Names(JsonNode? list) => list!.AsArray().Select(NameOf);

    private static string NameOf(JsonNode? node) => node!["name"]!.GetValue<string>();

    private static ProxyConfiguration Proxy(JsonNode[] objects) => ProxyConfiguration.Read(Options(objects));

    private static DaemonConfiguration Daemon(JsonNode[] objects) => DaemonConfiguration.Read(Options(objects));

    private static IReadOnlyList<IniOption> Options(JsonNode[] objects)
    {
        (string name, JsonNode? text) = objects.Single(node => Kind(node) == "ConfigMap")["data"]!.AsObject().Single();
        return IniFile.Parse(name, text!.GetValue<string>().Split('\n'));
    }

    private static void AssertAreMounted(JsonNode[] objects, params string[] paths)
    {
        string[] mounts = [.. Pod(objects)["containers"]![0]!["volumeMounts"]!.AsArray().Select(
            mount => mount!["mountPath"]!.GetValue<string>())];
        Assert.All(
            paths, path => Assert.Contains(mounts, mount => path.StartsWith(mount + "/", StringComparison.Ordinal)));
    }
}
