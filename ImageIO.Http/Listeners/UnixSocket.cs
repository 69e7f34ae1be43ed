using System.Net.Sockets;
using ImageIO.Http.Hosting;
using Mono.Unix.Native;

namespace ImageIO.Http.Listeners;

/// <summary>The address of a Unix socket service: a path with a mode, or an abstract name.</summary>
public sealed class UnixSocket
{
    private readonly UnixFileMode _mode;

    /// <summary>Creates an address.</summary>
    /// <param name="name">
    /// A path, or an abstract name when it begins with NUL, which configuration files write as <c>\0</c>; empty: an
    /// abstract name chosen at random (unix(7)).
    /// </param>
    /// <param name="mode">Permissions of the socket file; an abstract socket has none.</param>
    public UnixSocket(string name, UnixFileMode mode)
    {
        ArgumentNullException.ThrowIfNull(name);
        Name = name switch
        {
            "" => $"\0imageio-{Guid.NewGuid():N}",
            _ when name.StartsWith("\\0", StringComparison.Ordinal) => string.Concat("\0", name.AsSpan(2)),
            _ => name,
        };
        _mode = mode;
        try
        {
            EndPoint = new UnixDomainSocketEndPoint(Name);
        }
        catch (ArgumentOutOfRangeException e)
        {
            // sun_path of unix(7): 108 bytes with a NUL at the end.
            throw new ConfigurationException(
                $"Cannot use the socket {Name}: a socket's path has at most 107 bytes; choose a shorter one", e);
        }
    }

    /// <summary>The path, or NUL and the abstract name.</summary>
    public string Name { get; }

    /// <summary>The same for the server.</summary>
    public UnixDomainSocketEndPoint EndPoint { get; }

    /// <summary>Whether it is a name only, and no file.</summary>
    public bool IsAbstract => Name[0] == '\0';

    /// <summary>
    /// A socket bound to the address, not yet listening. A stale socket file is removed before; the mode is set before
    /// anybody can connect. Closing the socket removes the file.
    /// </summary>
    /// <exception cref="IOException">Something that is no socket has the name.</exception>
    internal Socket Bind()
    {
        if (!IsAbstract)
        {
            RemoveStale();
        }

        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(EndPoint);
            if (!IsAbstract)
            {
                File.SetUnixFileMode(Name, _mode);
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void RemoveStale()
    {
        if (Syscall.lstat(Name, out Stat stat) != 0)
        {
            return;
        }

        if ((stat.st_mode & FilePermissions.S_IFMT) != FilePermissions.S_IFSOCK)
        {
            throw new IOException(
                $"Cannot listen on {Name}: it exists and is not a socket; remove it or choose another path");
        }

        File.Delete(Name);
    }
}
