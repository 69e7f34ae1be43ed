using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.Loader;

namespace ImageIO.Web.Hosting;

/// <summary>
/// Where one plugin lives: its dependencies are the files beside it, in the versions that it was built with, whatever
/// other plugins and the daemon use.
/// </summary>
[RequiresUnreferencedCode("Loads assemblies that nobody refers to.")]
internal sealed class BackendLoadContext(string file) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(file))
{
    // Types in the contract between plugin and daemon: a second copy would be another type of the same name.
    private static readonly string[] Shared = ["ImageIO.Core", "Microsoft.Extensions.Logging.Abstractions"];

    private readonly AssemblyDependencyResolver _resolver = new(Path.GetFullPath(file));

    // Null: the daemon's own, which includes the framework.
    protected override Assembly? Load(AssemblyName assemblyName) =>
        !Shared.Contains(assemblyName.Name) && _resolver.ResolveAssemblyToPath(assemblyName) is { } path
            ? LoadFromAssemblyPath(path)
            : null;

    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
}
