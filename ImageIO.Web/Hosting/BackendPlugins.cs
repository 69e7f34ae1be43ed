using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using ImageIO.Core.Backends;
using ImageIO.Web.Options;
using Mono.Unix.Native;

namespace ImageIO.Web.Hosting;

/// <summary>Loads the backends in the plugin directory.</summary>
internal static class BackendPlugins
{
    private const string Pattern = "ImageIO.Backends.*.dll";

    /// <summary>
    /// Loads every <c>ImageIO.Backends.*.dll</c> in a directory and directly below it, each with its own dependencies.
    /// Assemblies without a backend, such as a dependency, do no harm.
    /// </summary>
    /// <param name="directory">The directory. Empty or missing: no plugins.</param>
    /// <exception cref="ConfigurationException">A file cannot be used; the message names file and reason.</exception>
    [RequiresUnreferencedCode("Loads assemblies that nobody refers to.")]
    public static IReadOnlyList<Assembly> Load(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return directory is "" or DaemonOptions.DefaultPluginDirectory
                ? []
                : throw new ConfigurationException(
                    $"Cannot load backends from {directory}: there is no such directory; set plugin_dir of [daemon] "
                        + $"to one, or to nothing for no plugins");
        }

        string[] places = [.. Directory.EnumerateDirectories(directory).Prepend(directory)];
        Array.ForEach(places, RequireTrusted);
        return
        [
            .. places
                .SelectMany(place => Directory.EnumerateFiles(place, Pattern))
                .Order(StringComparer.Ordinal)
                .Select(LoadFile),
        ];
    }

    [RequiresUnreferencedCode("Loads assemblies that nobody refers to.")]
    private static Assembly LoadFile(string file)
    {
        // Its dependencies are loaded from there, too.
        foreach (string beside in Directory.EnumerateFiles(Path.GetDirectoryName(file)!, "*.dll"))
        {
            RequireTrusted(beside);
        }

        try
        {
            Assembly assembly = new BackendLoadContext(file).LoadFromAssemblyPath(Path.GetFullPath(file));
            RequireContract(file, assembly);

            // The scan asks for the types later. Ask here, where the file name is known for the message.
            assembly.GetTypes();
            return assembly;
        }
        catch (ReflectionTypeLoadException e)
        {
            throw Unusable(file, e.LoaderExceptions.FirstOrDefault()?.Message ?? e.Message, e);
        }
        catch (Exception e) when (e is BadImageFormatException or IOException)
        {
            throw Unusable(file, e.Message, e);
        }
    }

    // The compiler records which ImageIO.Core a backend was built against, so authors declare nothing. Versions are
    // semantic: the first non-zero number changes when the contract breaks. A newer contract may have members that ours
    // lacks.
    private static void RequireContract(string file, Assembly assembly)
    {
        AssemblyName core = typeof(IBackend).Assembly.GetName();
        Version ours = core.Version!;
        Version? built = assembly.GetReferencedAssemblies().FirstOrDefault(name => name.Name == core.Name)?.Version;
        bool fits = built is null
            || (built <= ours && built.Major == ours.Major && (ours.Major > 0 || built.Minor == ours.Minor));
        if (!fits)
        {
            throw Unusable(
                file, $"it was built against {core.Name} {built!.ToString(3)} and this daemon has {ours.ToString(3)}; "
                    + $"build it again");
        }
    }

    // The daemon may start as root, and runs this code.
    private static void RequireTrusted(string path)
    {
        if (Syscall.stat(path, out Stat stat) != 0)
        {
            throw Unusable(path, Stdlib.strerror(Stdlib.GetLastError()));
        }

        if (stat.st_uid != 0 && stat.st_uid != Syscall.geteuid())
        {
            throw Unusable(path, "it is neither root's nor the daemon's; chown it to root");
        }

        bool isOthers = (stat.st_mode & FilePermissions.S_IWOTH) != 0;
        if (isOthers || ((stat.st_mode & FilePermissions.S_IWGRP) != 0 && stat.st_gid != 0))
        {
            throw Unusable(
                path, $"{(isOthers ? "everybody" : "its group")} may write it; take that permission away (chmod go-w)");
        }
    }

    private static ConfigurationException Unusable(string path, string reason, Exception? cause = null) =>
        new($"Cannot load the backend {path}: {reason}", cause);
}
