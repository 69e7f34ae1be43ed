namespace ImageIO.Backends.Nbd.Dialing;

/// <summary>Which Unix sockets may be connected to: all, or those below some directories.</summary>
/// <param name="directories">Absolute paths. Empty: all sockets.</param>
internal sealed class AllowedSockets(IReadOnlyList<string> directories)
{
    /// <summary>Whether the socket is below one of the directories, by whole components of the path.</summary>
    /// <param name="resolvedPath">The socket's path without links and <c>..</c>.</param>
    public bool Allow(string resolvedPath) =>
        directories.Count == 0 || directories.Any(directory => IsBelow(directory, resolvedPath));

    // The directories' links are resolved each time too: /var/run may be a link, or become one. One that does not exist
    // holds no socket. The root directory already ends with a slash.
    private static bool IsBelow(string directory, string path)
    {
        using HeldPath? held = HeldPath.TryOpen(directory, out _);
        return held?.Resolved is { } resolved && path.StartsWith($"{resolved.TrimEnd('/')}/", StringComparison.Ordinal);
    }
}
