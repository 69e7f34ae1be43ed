namespace ImageIO.Backends.Nbd.Dialing;

/// <summary>The Unix sockets that may be connected to: all, or those below some directories.</summary>
/// <param name="directories">Absolute paths. Empty: all sockets.</param>
internal sealed class AllowedSockets(IReadOnlyList<string> directories)
{
    /// <summary>Whether the socket is below one of the directories, by whole components of the path.</summary>
    /// <param name="resolvedPath">The socket's path without links and <c>..</c>.</param>
    public bool Allow(string resolvedPath) =>
        directories.Count == 0 || directories.Any(directory => IsBelow(directory, resolvedPath));

    // The directory's links are resolved each time, too, because /var/run may be a link. A missing directory contains
    // no socket. The root directory already ends with a slash.
    private static bool IsBelow(string directory, string path)
    {
        using HeldPath? held = HeldPath.TryOpen(directory, out _);
        return held?.Resolved is { } resolved && path.StartsWith($"{resolved.TrimEnd('/')}/", StringComparison.Ordinal);
    }
}
