using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageIO.Transport.Sockets;

/// <summary>System calls on sockets, with the names and values of their man pages.</summary>
internal static partial class LibC
{
    // errno(3)
    internal const int EINTR = 4;
    internal const int EAGAIN = 11;
    internal const int EINPROGRESS = 115;

    // fcntl(2)
    private const int F_GETFL = 3;
    private const int F_SETFL = 4;
    private const int O_NONBLOCK = 0x800; // the same on x86-64 and arm64

    // getrlimit(2)
    internal const int RLIMIT_NOFILE = 7;

    // shutdown(2)
    internal const int SHUT_RDWR = 2;

    // recv(2), send(2)
    internal const int MSG_PEEK = 0x2;
    internal const int MSG_DONTWAIT = 0x40;
    internal const int MSG_NOSIGNAL = 0x4000;

    // epoll_create(2)
    internal const int EPOLL_CLOEXEC = 0x80000;

    // eventfd(2)
    internal const int EFD_CLOEXEC = 0x80000;
    internal const int EFD_NONBLOCK = 0x800;

    // epoll_ctl(2)
    internal const int EPOLL_CTL_ADD = 1;
    internal const int EPOLL_CTL_MOD = 3;

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    internal static partial SafeFileHandle EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    internal static unsafe partial int EpollControl(
        SafeFileHandle epoll, int operation, SafeHandle descriptor, byte* change);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    internal static unsafe partial int EpollWait(
        SafeFileHandle epoll, byte* events, int mostEvents, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    internal static partial SafeFileHandle EventDescriptor(uint count, int flags);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    internal static unsafe partial int Connect(SafeHandle socket, byte* address, int length);

    internal static void SetNonBlocking(SafeHandle socket) =>
        _ = FileControl(socket, F_SETFL, FileControl(socket, F_GETFL, 0) | O_NONBLOCK);

    /// <summary>The failure of a call, in the system's words.</summary>
    internal static SocketException SocketFailure(int error) => new(error, new Win32Exception(error).Message);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    internal static unsafe partial nint Receive(SafeHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    internal static unsafe partial nint Send(SafeHandle socket, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    internal static partial int GetLimit(int resource, out ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(SafeHandle descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "shutdown")]
    internal static partial int Shutdown(int socket, int how);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    internal static unsafe partial nint Write(SafeFileHandle descriptor, void* bytes, nuint count);
}
