using System.Reflection;
using ImageIO.Http.Listeners;
using Microsoft.Extensions.Hosting;

namespace ImageIO.Http.Hosting;

/// <summary>
/// Loads what requests need later, beside the first connection of all: a process that nobody uses does without. An
/// assembly that is loaded for the first time when no descriptor is left fails, and the runtime remembers that it failed
/// for as long as the process lives.
/// </summary>
/// <param name="connections">Tells when there is a connection.</param>
internal sealed class AssemblyPreload(ConnectionWatch connections) : BackgroundService
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
        await connections.FirstConnection.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!stoppingToken.IsCancellationRequested)
        {
            Load();
        }
    }

    private static void Load()
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
