namespace ImageIO.Tests.Support;

/// <summary>The open files of a process (proc(5)).</summary>
internal static class OpenFiles
{
    /// <summary>Descriptors of a file, in this process.</summary>
    public static int Count(string path) => Targets("self").Count(target => target == path);

    /// <summary>Descriptors of a file, in another process.</summary>
    public static int Count(string path, int processId) => Targets($"{processId}").Count(target => target == path);

    /// <summary>Sockets of a process.</summary>
    public static int CountSockets(int processId) =>
        Targets($"{processId}").Count(target => target?.StartsWith("socket:", StringComparison.Ordinal) == true);

    /// <summary>
    /// All descriptors of a process but those of assemblies and symbols: the runtime opens one when code of it runs for
    /// the first time, which may be late, and keeps it.
    /// </summary>
    public static int CountAll(int processId) =>
        Targets($"{processId}").Count(target => Path.GetExtension(target) is not (".dll" or ".pdb"));

    private static IEnumerable<string?> Targets(string process)
    {
        foreach (string descriptor in Directory.GetFiles($"/proc/{process}/fd"))
        {
            string? target;
            try
            {
                target = new FileInfo(descriptor).LinkTarget;
            }
            catch (IOException)
            {
                // Closed since it was listed.
                continue;
            }

            yield return target;
        }
    }
}
