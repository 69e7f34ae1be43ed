using System.Reflection;
using ImageIO.Http.Listeners;
using Microsoft.Extensions.Hosting;

namespace ImageIO.Http.Hosting;

/// <summary>
/// Loads what requests need before resources run short: the pool's threads at the start, and assemblies at the first
/// connection. A process without clients never loads those.
/// </summary>
/// <remarks>
/// If an assembly is first loaded when no descriptor is left, the load fails, and the runtime remembers the failure for
/// the life of the process.
/// </remarks>
/// <param name="connections">Tells when there is a connection.</param>
internal sealed class FirstUse(ConnectionWatch connections) : BackgroundService
{
    // The framework loads these by name, to format the stack of an exception.
    private static readonly string[] ByName =
    [
        "System.Diagnostics.StackTrace", "System.Reflection.Metadata", "System.Collections.Immutable",
        "System.IO.Compression", "System.IO.MemoryMappedFiles", "System.Runtime.CompilerServices.Unsafe",
    ];

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        PoolThreads.StartAll();
        await connections.FirstConnection.WaitAsync(stoppingToken).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing);
        if (!stoppingToken.IsCancellationRequested)
        {
            LoadAssemblies();
        }
    }

    private static void LoadAssemblies()
    {
        IEnumerable<AssemblyName> needed = AppDomain.CurrentDomain.GetAssemblies()
            .Where(IsOurs)
            .SelectMany(assembly => assembly.GetReferencedAssemblies())
            .Concat(ByName.Select(name => new AssemblyName(name)))
            .DistinctBy(name => name.Name);
        foreach (AssemblyName name in needed)
        {
            try
            {
                Assembly.Load(name);
            }
            catch (IOException)
            {
                // Named, but not deployed because no code calls it.
            }
        }
    }

    private static bool IsOurs(Assembly assembly) => assembly.GetName().Name is { } name
        && (name.StartsWith(
            "ImageIO.", StringComparison.Ordinal) || name.StartsWith("ovirt-imageio", StringComparison.Ordinal));
}
