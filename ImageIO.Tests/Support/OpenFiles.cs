namespace ImageIO.Tests.Support;

/// <summary>What a process has open, as the kernel tells (proc(5)).</summary>
internal static class OpenFiles
{
    /// <summary>Descriptors of a file, in this process.</summary>
    public static int Count(string path) => Targets("self").Count(target => target == path);

    /// <summary>All descriptors of a process.</summary>
    public static int CountAll(int processId) => Directory.GetFiles($"/proc/{processId}/fd").Length;

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
