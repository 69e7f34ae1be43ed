namespace ImageIO.Transport.Sockets;

/// <summary>Events of a socket, with the values of epoll_ctl(2).</summary>
[Flags]
internal enum SocketEvents : uint
{
    None = 0,

    /// <summary>EPOLLIN: there is something to read, or the end.</summary>
    Readable = 0x1,

    /// <summary>EPOLLOUT: there is room to write.</summary>
    Writable = 0x4,

    /// <summary>EPOLLERR.</summary>
    Error = 0x8,

    /// <summary>EPOLLHUP: both directions are closed.</summary>
    HangUp = 0x10,

    /// <summary>EPOLLRDHUP: the peer sends no more.</summary>
    PeerClosed = 0x2000,

    /// <summary>EPOLLET: report changes, not states.</summary>
    EdgeTriggered = 1u << 31,

    /// <summary>Events that a wait can be for.</summary>
    Any = Readable | Writable,

    /// <summary>Only the peer's end.</summary>
    Ends = PeerClosed | EdgeTriggered,

    All = Any | Ends,
}
