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
            .FromDependencyContext(DependencyContext.Load(typeof(BackendDiscovery).Assembly)!, IsBackendAssembly)
            .AddClasses(classes => classes.AssignableTo<IBackendFactory>(), publicOnly: false)
            .As<IBackendFactory>()
            .WithSingletonLifetime());

    private static bool IsBackendAssembly(Assembly assembly) =>
        assembly.GetName().Name!.StartsWith(AssemblyPrefix, StringComparison.Ordinal);
}
