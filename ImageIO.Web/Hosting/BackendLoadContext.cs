using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.Loader;

namespace ImageIO.Web.Hosting;

/// <summary>
/// The load context of one plugin. Its dependencies are the files beside it, in its own versions, independent of other
/// plugins and the daemon.
/// </summary>
[RequiresUnreferencedCode("Loads assemblies that nobody refers to.")]
internal sealed class BackendLoadContext(string file) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(file))
{
    // Types of the contract between plugin and daemon. A second copy would be a different type with the same name.
    private static readonly string[] Shared = ["ImageIO.Core", "Microsoft.Extensions.Logging.Abstractions"];

    private readonly AssemblyDependencyResolver _resolver = new(Path.GetFullPath(file));

    // Null: the daemon's own assembly, or the framework's.
    protected override Assembly? Load(AssemblyName assemblyName) =>
        !Shared.Contains(assemblyName.Name) && _resolver.ResolveAssemblyToPath(assemblyName) is { } path
            ? LoadFromAssemblyPath(path)
            : null;

    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
}
