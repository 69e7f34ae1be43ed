namespace ImageIO.CommandLine;

/// <summary>The name that the program was started by: a link to it has another than the program itself.</summary>
internal static class InvokedName
{
    public static string Get()
    {
        // The runtime tells the program's own path, with links resolved; the kernel what the caller said.
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
