using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using ImageIO.Core.Backends;
using Microsoft.Extensions.DependencyModel;

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

    // Chosen by name before loading. Scrutor's own FromDependencyContext loads every assembly of the framework to ask
    // each one: 60 MiB and a fifth of a second.
    private static IEnumerable<Assembly> BackendAssemblies() =>
        DependencyContext.Load(typeof(BackendDiscovery).Assembly)!.RuntimeLibraries
            .Where(library => library.Name.StartsWith(AssemblyPrefix, StringComparison.Ordinal))
            .Select(library => Assembly.Load(library.Name));
}
