using System.Collections.Concurrent;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// One epoll descriptor and the thread that waits on it. Code that waits for a socket continues on this thread, so a
/// request starts without a hop to another thread. It must never block.
/// </summary>
internal sealed partial class EventLoop : IDisposable
{
    private const int MostEvents = 128;

    // Never the number of a socket: these start at 1.
    private const ulong WakeUp = 0;

    // struct epoll_event is packed on x86-64 only (epoll_event(3type)).
    private static readonly bool IsPacked = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private static readonly int EventSize = IsPacked ? 12 : 16;
    private static readonly int NumberOffset = IsPacked ? 4 : 8;

    [ThreadStatic]
    private static bool _isLoopThread;

    private readonly SafeFileHandle _epoll = Check(LibC.EpollCreate(LibC.EPOLL_CLOEXEC), "epoll_create1");
    private readonly SafeFileHandle _stop = Check(
        LibC.EventDescriptor(0, LibC.EFD_CLOEXEC | LibC.EFD_NONBLOCK), "eventfd");

    // By number instead of pointer: an event that was fetched before its socket was removed finds nothing here.
    private readonly ConcurrentDictionary<ulong, SocketReadiness> _sockets = new();
    private readonly Thread _thread;
    private readonly ILogger _logger;
    private ulong _lastNumber;
    private volatile bool _stopped;

    internal EventLoop(int index, ILogger logger)
    {
        _logger = logger;
        Control(LibC.EPOLL_CTL_ADD, _stop, SocketEvents.Readable, WakeUp);
        _thread = new Thread(Run) { IsBackground = true, Name = $"loop-{index}" };
        _thread.Start();
    }

    /// <summary>Whether the caller runs on the thread of a loop, which other connections wait for.</summary>
    internal static bool IsLoopThread => _isLoopThread;

    internal int Count => _sockets.Count;

    /// <summary>Watches a socket. It must be non-blocking, and stay open until <see cref="Remove"/>.</summary>
    /// <exception cref="IOException">The system refused it.</exception>
    internal ulong Add(SafeHandle socket, SocketReadiness readiness)
    {
        ulong number = Interlocked.Increment(ref _lastNumber);
        _sockets[number] = readiness;
        try
        {
            Control(
                LibC.EPOLL_CTL_ADD,
                socket,
                SocketEvents.All,
                number);
        }
        catch
        {
            _sockets.TryRemove(number, out _);
            throw;
        }

        return number;
    }

    /// <summary>Watches for other events. A state that holds already is reported again.</summary>
    internal void Change(SafeHandle socket, SocketEvents events, ulong number) =>
        Control(LibC.EPOLL_CTL_MOD, socket, events, number);

    /// <summary>Stops watching. Epoll itself forgets a socket when it is closed.</summary>
    internal void Remove(ulong number) => _sockets.TryRemove(number, out _);

    /// <summary>Ends the thread. Nothing more is reported about sockets that are still watched.</summary>
    public unsafe void Dispose()
    {
        if (_stopped)
        {
            return;
        }

        _stopped = true;
        ulong one = 1;
        _ = LibC.Write(_stop, &one, sizeof(ulong));
        if (!_isLoopThread)
        {
            _thread.Join();
        }
    }

    private static SafeFileHandle Check(SafeFileHandle handle, string call) =>
        handle.IsInvalid ? throw Failure(call) : handle;

    private static IOException Failure(string call)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"{call} failed: {new Win32Exception(error).Message}", error);
    }

    private unsafe void Control(int operation, SafeHandle descriptor, SocketEvents events, ulong number)
    {
        byte* change = stackalloc byte[16];
        *(uint*)change = (uint)events;
        *(ulong*)(change + NumberOffset) = number;
        if (LibC.EpollControl(_epoll, operation, descriptor, change) != 0)
        {
            throw Failure("epoll_ctl");
        }
    }

    private unsafe void Run()
    {
        _isLoopThread = true;
        byte* events = stackalloc byte[MostEvents * EventSize];
        while (!_stopped)
        {
            int count = LibC.EpollWait(_epoll, events, MostEvents, timeoutMilliseconds: -1);
            if (count < 0 && Marshal.GetLastPInvokeError() != LibC.EINTR)
            {
                throw Failure("epoll_wait");
            }

            for (int i = 0; i < count; i++)
            {
                byte* happened = events + (i * EventSize);
                if (_sockets.TryGetValue(*(ulong*)(happened + NumberOffset), out SocketReadiness? readiness))
                {
                    Tell(readiness, (SocketEvents)(*(uint*)happened));
                }
            }
        }

        _epoll.Dispose();
        _stop.Dispose();
    }

    // This runs code of all layers. A failure is one connection's and must not end the others.
    private void Tell(SocketReadiness readiness, SocketEvents events)
    {
        try
        {
            readiness.Signal(events);
        }
        catch (Exception e)
        {
            Log.Failed(_logger, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(24, LogLevel.Critical, "What waited for a socket failed where it must not")]
        public static partial void Failed(ILogger logger, Exception failure);
    }
}
