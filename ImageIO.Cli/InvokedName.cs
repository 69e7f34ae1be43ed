namespace ImageIO.CommandLine;

/// <summary>The name by which the program was started, which may be that of a link.</summary>
internal static class InvokedName
{
    public static string Get()
    {
        // The runtime resolves links in the program's path, so the kernel is asked for the caller's argument.
        string? first = OperatingSystem.IsLinux() ? FirstArgument() : Environment.GetCommandLineArgs().FirstOrDefault();
        return Path.GetFileNameWithoutExtension(first ?? "");
    }

    private static string? FirstArgument()
    {
        try
        {
            return File.ReadAllText("/proc/self/cmdline").Split('\0')[0];
        }
        catch (IOException)
        {
            return null;
        }
    }
}
