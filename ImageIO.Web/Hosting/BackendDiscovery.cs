using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using ImageIO.Core.Backends;
using ImageIO.Web.Options;

namespace ImageIO.Web.Hosting;

/// <summary>
/// Finds backends among the deployed assemblies and in the plugin directory. All reflection of the daemon is here and
/// in <see cref="BackendPlugins"/>.
/// </summary>
public static class BackendDiscovery
{
    private const string AssemblyPrefix = "ImageIO.Backends.";

    /// <summary>Registers every backend factory found.</summary>
    /// <param name="services">Receives them.</param>
    /// <param name="pluginDirectory">Holds third parties' backends. Empty or missing: none.</param>
    /// <param name="options">Gives their constructors the options of their sections.</param>
    /// <exception cref="ConfigurationException">A plugin cannot be used.</exception>
    [RequiresUnreferencedCode("Backends are found by scanning assemblies, which trimming would take away.")]
    public static IServiceCollection AddBackends(
        this IServiceCollection services, string pluginDirectory, ConfigurationReader options) => services
        .AddSingleton<IBackendSections>(new BackendSections(options))
        .Scan(scan => scan
            .FromAssemblies(BackendAssemblies().Concat(BackendPlugins.Load(pluginDirectory)))
            .AddClasses(classes => classes.AssignableTo<IBackendFactory>(), publicOnly: false)
            .As<IBackendFactory>()
            .WithSingletonLifetime());

    /// <summary>
    /// Lets every backend read the options of its section, as a start does, so that the configuration shows and checks
    /// them.
    /// </summary>
    /// <exception cref="ConfigurationException">A plugin cannot be used, or an option of a backend is
    /// wrong.</exception>
    [RequiresUnreferencedCode("Backends are found by scanning assemblies, which trimming would take away.")]
    public static void ReadBackendOptions(this DaemonConfiguration configuration)
    {
        using ServiceProvider services = new ServiceCollection()
            .AddLogging()
            .AddBackends(
                Directory.Exists(configuration.Daemon.PluginDirectory) ? configuration.Daemon.PluginDirectory : "",
                configuration.Reader)
            .BuildServiceProvider();
        _ = services.GetServices<IBackendFactory>().Count();
    }

    // From the runtime's list of deployed assemblies, chosen by name before loading. Scrutor's FromDependencyContext
    // reads the same list from JSON, and loads every assembly of the framework: 60 MiB and a fifth of a second.
    private static IEnumerable<Assembly> BackendAssemblies() =>
        ((string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "")
            .Split(Path.PathSeparator)
            .Select(Path.GetFileNameWithoutExtension)
            .OfType<string>()
            .Where(name => name.StartsWith(AssemblyPrefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(Assembly.Load);
}
