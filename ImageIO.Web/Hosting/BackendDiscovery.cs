using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using ImageIO.Core.Backends;

namespace ImageIO.Web.Hosting;

/// <summary>
/// Finds the backends among the assemblies that were deployed, and in the plugin directory: all reflection of the daemon
/// is here and in <see cref="BackendPlugins"/>.
/// </summary>
public static class BackendDiscovery
{
    private const string AssemblyPrefix = "ImageIO.Backends.";

    /// <summary>Registers every backend factory found.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="pluginDirectory">Holds the backends of third parties. Empty, or not there: none.</param>
    /// <exception cref="ImageIO.Http.Hosting.ConfigurationException">A plugin cannot be used.</exception>
    [RequiresUnreferencedCode("Backends are found by scanning assemblies, which trimming would take away.")]
    public static IServiceCollection AddBackends(this IServiceCollection services, string pluginDirectory) =>
        services.Scan(scan => scan
            .FromAssemblies(BackendAssemblies().Concat(BackendPlugins.Load(pluginDirectory)))
            .AddClasses(classes => classes.AssignableTo<IBackendFactory>(), publicOnly: false)
            .As<IBackendFactory>()
            .WithSingletonLifetime());

    // The runtime's list of what was deployed with the program, chosen by name before loading. Scrutor's own
    // FromDependencyContext reads the same list from JSON and loads every assembly of the framework to ask each one: 60
    // MiB and a fifth of a second.
    private static IEnumerable<Assembly> BackendAssemblies() =>
        ((string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "")
            .Split(Path.PathSeparator)
            .Select(Path.GetFileNameWithoutExtension)
            .OfType<string>()
            .Where(name => name.StartsWith(AssemblyPrefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(Assembly.Load);
}
