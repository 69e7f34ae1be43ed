using System.Reflection;
using ImageIO.Http.Listeners;
using Microsoft.Extensions.Hosting;

namespace ImageIO.Http.Hosting;

/// <summary>
/// Gets what requests need later, before anything runs short: threads of the runtime's pool at the start, and assemblies
/// beside the first connection of all. A process that nobody uses does without those.
/// </summary>
/// <remarks>
/// An assembly that is loaded for the first time when no descriptor is left fails, and the runtime remembers that it failed
/// for as long as the process lives.
/// </remarks>
/// <param name="connections">Tells when there is a connection.</param>
internal sealed class FirstUse(ConnectionWatch connections) : BackgroundService
{
    // What the framework finds by name, to write the stack of an exception.
    private static readonly string[] ByName =
    [
        "System.Diagnostics.StackTrace", "System.Reflection.Metadata", "System.Collections.Immutable",
        "System.IO.Compression", "System.IO.MemoryMappedFiles", "System.Runtime.CompilerServices.Unsafe",
    ];

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        PoolThreads.StartAll();
        await connections.FirstConnection.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
                // Named, and not deployed because nothing calls it.
            }
        }
    }

    private static bool IsOurs(Assembly assembly) => assembly.GetName().Name is { } name
        && (name.StartsWith("ImageIO.", StringComparison.Ordinal) || name.StartsWith("ovirt-imageio", StringComparison.Ordinal));
}
