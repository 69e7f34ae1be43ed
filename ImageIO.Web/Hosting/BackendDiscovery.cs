using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using ImageIO.Core.Backends;
using Microsoft.Extensions.DependencyModel;

namespace ImageIO.Web.Hosting;

/// <summary>Finds the backends among the assemblies that were deployed: all reflection of the daemon is here.</summary>
public static class BackendDiscovery
{
    private const string AssemblyPrefix = "ImageIO.Backends.";

    /// <summary>Registers every backend factory found.</summary>
    [RequiresUnreferencedCode("Backends are found by scanning assemblies, which trimming would take away.")]
    public static IServiceCollection AddBackends(this IServiceCollection services) =>
        services.Scan(scan => scan
            .FromAssemblies(BackendAssemblies())
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
