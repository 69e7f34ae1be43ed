using System.Runtime.InteropServices;

namespace ImageIO.Transport.Sockets;

/// <summary>A connection without TLS.</summary>
/// <param name="socket">The non-blocking socket. The caller owns it, and keeps it open while the stream is.</param>
/// <param name="readiness">Tells when the socket is ready.</param>
/// <param name="peerLeft">See <see cref="SocketStream"/>.</param>
internal sealed class PlainStream(SafeHandle socket, SocketReadiness readiness, Action peerLeft)
    : SocketStream(readiness, peerLeft)
{
    /// <inheritdoc />
    protected override unsafe int Receive(byte* buffer, int length, out SocketEvents wants) =>
        Receive(buffer, length, LibC.MSG_DONTWAIT, out wants);

    /// <inheritdoc />
    protected override unsafe bool Peek(out SocketEvents wants)
    {
        byte next;
        return Receive(&next, 1, LibC.MSG_DONTWAIT | LibC.MSG_PEEK, out wants) > 0;
    }

    /// <inheritdoc />
    protected override unsafe SocketEvents Send(byte* buffer, int length, out int sent)
    {
        while (true)
        {
            nint result = LibC.Send(socket, buffer, (nuint)length, LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL);
            sent = Math.Max(0, (int)result);
            if (result >= 0)
            {
                return SocketEvents.None;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case LibC.EINTR:
                    continue;
                case LibC.EAGAIN:
                    return SocketEvents.Writable;
                case var error:
                    NoteFailure(LibC.SocketFailure(error));
                    return SocketEvents.None;
            }
        }
    }

    private unsafe int Receive(byte* buffer, int length, int flags, out SocketEvents wants)
    {
        wants = SocketEvents.None;
        while (true)
        {
            nint result = LibC.Receive(socket, buffer, (nuint)length, flags);
            if (result > 0)
            {
                return (int)result;
            }

            if (result == 0)
            {
                NoteEnd();
                return 0;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case LibC.EINTR:
                    continue;
                case LibC.EAGAIN:
                    wants = SocketEvents.Readable;
                    return 0;
                case var error:
                    NoteFailure(LibC.SocketFailure(error));
                    return 0;
            }
        }
    }
}
