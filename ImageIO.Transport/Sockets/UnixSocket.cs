using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using ImageIO.Transport.Files;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Transport.Sockets;

/// <summary>The address of a service on a Unix socket: a path with a mode, or an abstract name.</summary>
public sealed partial class UnixSocket
{
    // sun_path of unix(7): 108 bytes with a NUL at the end.
    private const int LongestPath = 107;

    // O_PATH of open(2), the same number on x86-64 and arm64; Mono.Posix does not pass it on.
    private const int PathOnly = 0x200000;

    private readonly UnixFileMode _mode;
    private readonly Action<SafeFileHandle, string>? _own;

    // Device and inode of the socket file while it listens.
    private (ulong Device, ulong Node)? _node;

    /// <summary>Creates an address.</summary>
    /// <param name="name">A path; or an abstract name, which begins with NUL (<c>\0</c> in configuration files). Empty:
    /// a random abstract name (unix(7)).</param>
    /// <param name="mode">Permissions of the socket file. Abstract sockets have none.</param>
    /// <param name="own">Gives the socket file at this path to its owner. Null: this process' user owns it.</param>
    public UnixSocket(string name, UnixFileMode mode, Action<SafeFileHandle, string>? own = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        Name = name switch
        {
            "" => $"\0imageio-{Guid.NewGuid():N}",
            _ when name.StartsWith("\\0", StringComparison.Ordinal) => string.Concat("\0", name.AsSpan(2)),
            _ => name,
        };
        _mode = mode;
        _own = own;
        try
        {
            EndPoint = new UnixDomainSocketEndPoint(Name);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new TransportException(
                $"Cannot use the socket {Name}: a socket's path has at most {LongestPath} bytes; choose a shorter one",
                e);
        }
    }

    /// <summary>The path, or NUL and the abstract name.</summary>
    public string Name { get; }

    /// <summary>The name as an end point.</summary>
    public UnixDomainSocketEndPoint EndPoint { get; }

    /// <summary>Whether it is a name without a file.</summary>
    public bool IsAbstract => Name[0] == '\0';

    /// <summary>
    /// Creates a listening socket. Its file replaces a stale one, and appears only when it listens and has its mode, so
    /// a client that waits for the name can connect at once.
    /// </summary>
    /// <exception cref="IOException">The name is that of something else than a socket.</exception>
    public Socket Listen()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (IsAbstract)
            {
                socket.Bind(EndPoint);
                socket.Listen();
            }
            else
            {
                RequireSocketOrNothing(Name);
                ListenAtPath(socket);
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Removes the socket file if <see cref="Listen"/> made it.</summary>
    public void Remove()
    {
        if (_node is { } node && FileState.Of(Name) is var state && (state.Device, state.Node) == node)
        {
            try
            {
                File.Delete(Name);
            }
            catch (UnauthorizedAccessException)
            {
                // The directory is root's, and this process has given up root's rights. The next start replaces the
                // file.
            }
        }

        _node = null;
    }

    // By a descriptor that follows no link, because the owner of the directory may have replaced the file since the
    // bind.
    private void SetModeAndOwner(string path)
    {
        using SafeFileHandle file = Open(
            path, NativeConvert.FromOpenFlags(OpenFlags.O_NOFOLLOW | OpenFlags.O_CLOEXEC) | PathOnly);
        if (file.IsInvalid)
        {
            throw new IOException(
                $"Cannot listen on {Name}: {Marshal.GetLastPInvokeErrorMessage()} right after it was bound");
        }

        _own?.Invoke(file, path);
        File.SetUnixFileMode($"/proc/self/fd/{file.DangerousGetHandle()}", _mode);
    }

    private void ListenAtPath(Socket socket)
    {
        // In the same directory so that it can be renamed, and within the length of a socket's path.
        string unfinished = (Encoding.UTF8.GetByteCount(Name) < LongestPath ? Name : Name[..^1]) + "~";
        if (RequireSocketOrNothing(unfinished))
        {
            File.Delete(unfinished);
        }

        socket.Bind(new UnixDomainSocketEndPoint(unfinished));
        SetModeAndOwner(unfinished);
        socket.Listen();
        if (Syscall.rename(unfinished, Name) != 0)
        {
            throw new IOException($"rename of {unfinished} to {Name} failed: {Stdlib.strerror(Stdlib.GetLastError())}");
        }

        FileState state = FileState.Of(Name);
        _node = (state.Device, state.Node);
    }

    // Whether there is a socket.
    private static bool RequireSocketOrNothing(string path)
    {
        if (Syscall.lstat(path, out Stat stat) != 0)
        {
            return false;
        }

        return (stat.st_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFSOCK
            ? true
            : throw new IOException(
                $"Cannot listen on {path}: it exists and is not a socket; remove it or choose another path");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}
