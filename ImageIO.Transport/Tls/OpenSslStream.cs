using System.Runtime.InteropServices;
using System.Security.Authentication;
using ImageIO.Transport.Sockets;

namespace ImageIO.Transport.Tls;

/// <summary>
/// A TLS connection: OpenSSL decrypts from the socket into the caller's memory, and encrypts from it.
/// </summary>
/// <remarks>
/// An SSL object is not thread-safe, so every call of it is made under the stream's lock, and none after it was given
/// back. The end of TLS alone (close_notify) says only that the peer sends no more, not that it has left.
/// </remarks>
internal sealed class OpenSslStream : SocketStream
{
    private readonly SslHandle _ssl;
    private readonly SafeHandle _socket;

    // Guarded by the lock. The output is null until the handshake is complete.
    private TlsOutput? _output;
    private bool _owesAnswer;
    private bool _hasSaidEnd;

    /// <param name="ssl">The connection's state, on the socket; this owns it.</param>
    /// <param name="socket">The socket, which does not block; it stays the caller's, and open while the stream
    /// is.</param>
    /// <param name="readiness">Tells when the socket is ready.</param>
    /// <param name="peerLeft">As of <see cref="SocketStream"/>.</param>
    internal OpenSslStream(SslHandle ssl, SafeHandle socket, SocketReadiness readiness, Action peerLeft)
        : base(readiness, peerLeft)
    {
        _ssl = ssl;
        _socket = socket;
    }

    /// <summary>The certificates that the other side sent, its own first; a server asks for none.</summary>
    internal IReadOnlyList<byte[]> PeerCertificates { get; private set; } = [];

    /// <summary>What the handshake agreed on, when it is complete.</summary>
    internal TlsFeatures? Agreed { get; private set; }

    /// <inheritdoc />
    protected override bool IsOpen => _output is not null;

    /// <inheritdoc />
    protected override bool HasReceived => LibSsl.HasPending(_ssl) == 1;

    /// <summary>This side of the handshake.</summary>
    /// <exception cref="AuthenticationException">The other offered nothing usable, or did not speak TLS.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    internal async Task HandshakeAsync(CancellationToken cancellationToken)
    {
        while (TryHandshake() is { } wants)
        {
            await Readiness.Reader.WaitAsync(wants, cancellationToken);
        }
    }

    /// <summary>
    /// Tells the other side that nothing follows (close_notify), when it has room for that. That it cannot be told says
    /// only that it is gone: then it need not know.
    /// </summary>
    internal async ValueTask SendEndAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (TryEnd() is { } wants)
            {
                await Readiness.Writer.WaitAsync(wants, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // It takes nothing more.
        }
    }

    /// <inheritdoc />
    protected override unsafe int Receive(byte* buffer, int length, out SocketEvents wants)
    {
        nuint read;
        int result;
        bool again;
        do
        {
            int waiting = _output!.Waiting;
            LibSsl.ClearErrors();
            result = LibSsl.Read(_ssl, buffer, (nuint)length, &read);
            wants = AfterRead(result, waiting, out again);
        }
        while (again);

        return result == 1 ? (int)read : 0;
    }

    /// <inheritdoc />
    protected override unsafe bool Peek(out SocketEvents wants)
    {
        byte next;
        nuint count;
        int result;
        bool again;
        do
        {
            int waiting = _output!.Waiting;
            LibSsl.ClearErrors();
            result = LibSsl.Peek(_ssl, &next, 1, &count);
            wants = AfterRead(result, waiting, out again);
        }
        while (again);

        return result == 1;
    }

    /// <inheritdoc />
    protected override unsafe SocketEvents Send(byte* buffer, int length, out int sent)
    {
        sent = 0;
        SocketEvents wants = SendRest();
        if (wants != SocketEvents.None || Aborted is not null)
        {
            return wants;
        }

        // Nothing waits for the socket now, so there is room for all of it.
        int most = Math.Min(length, TlsOutput.MostPayload);
        while (sent < most)
        {
            nuint count;
            LibSsl.ClearErrors();
            int result = LibSsl.Write(_ssl, buffer + sent, (nuint)(most - sent), &count);
            if (result != 1)
            {
                NoteWriteFailure(result);
                return SocketEvents.None;
            }

            sent += (int)count;
        }

        return SendRest();
    }

    /// <inheritdoc />
    protected override SocketEvents SendRest()
    {
        int error = _output!.SendTo(_socket);
        _owesAnswer &= error != 0;
        if (error is not (0 or LibC.EAGAIN))
        {
            NoteFailure(LibC.SocketFailure(error));
        }

        return error == LibC.EAGAIN ? SocketEvents.Writable : SocketEvents.None;
    }

    /// <inheritdoc />
    protected override void Free() => _ssl.Dispose();

    // Null: the handshake is complete; else what its next step waits for.
    private SocketEvents? TryHandshake()
    {
        lock (Gate)
        {
            ThrowIfOver();
            Readiness.Reader.Arm();
            LibSsl.ClearErrors();
            int result = LibSsl.Handshake(_ssl);
            if (result == 1)
            {
                Agreed = new TlsFeatures(_ssl);
                PeerCertificates = ReadPeerCertificates();
                _output = TlsOutput.Attach(_ssl);
                return null;
            }

            SocketEvents wants = Missing(result, out bool ended);
            return Aborted is AuthenticationException refused ? throw refused
                : ended
                || Aborted is not null ? throw new IOException("The connection ended during the TLS handshake", Aborted)
                : wants;
        }
    }

    private unsafe byte[][] ReadPeerCertificates()
    {
        nint chain = LibSsl.PeerChain(_ssl);
        byte[][] certificates = new byte[chain == 0 ? 0 : LibSsl.StackCount(chain)][];
        for (int i = 0; i < certificates.Length; i++)
        {
            nint certificate = LibSsl.StackValue(chain, i);
            certificates[i] = new byte[Math.Max(0, LibSsl.WriteCertificate(certificate, null))];
            fixed (byte* der = certificates[i])
            {
                byte* next = der;
                _ = LibSsl.WriteCertificate(certificate, &next);
            }
        }

        return certificates;
    }

    // Null: the end is told, or cannot be; else what it waits for.
    private SocketEvents? TryEnd()
    {
        lock (Gate)
        {
            if (!IsOpen || IsDisposed || Aborted is not null)
            {
                return null;
            }

            Readiness.Writer.Arm();
            if (!_hasSaidEnd)
            {
                _hasSaidEnd = true;
                LibSsl.ClearErrors();
                // 0 and 1: ours is on its way. The other side's is nothing to wait for.
                if (LibSsl.Shutdown(_ssl) is < 0 and var result)
                {
                    NoteWriteFailure(result);
                    return null;
                }
            }

            return SendRest() is SocketEvents.Writable and var wants ? wants : null;
        }
    }

    // What another read waits for, if this one found nothing.
    private SocketEvents AfterRead(int result, int waitingBefore, out bool again)
    {
        bool ended = false;
        SocketEvents wants = result == 1 ? SocketEvents.None : Missing(result, out ended);
        if (ended)
        {
            NoteEnd();
        }

        // It may have answered by itself, to new keys say, or not found room for that. Who writes takes an answer
        // along; else it is the reader's to send.
        bool lackedRoom = (wants & SocketEvents.Writable) != 0;
        _owesAnswer |= lackedRoom || _output!.Waiting > waitingBefore;
        SocketEvents rest = _owesAnswer ? SendRest() : SocketEvents.None;
        again = lackedRoom && rest == SocketEvents.None && Aborted is null;
        return wants == SocketEvents.None ? wants : wants | rest;
    }

    // Whatever it says: there was room, and with less OpenSSL has no reason to stop.
    private void NoteWriteFailure(int result)
    {
        _ = Missing(result, out _);
        NoteFailure(new IOException("The connection was closed"));
    }

    // What a call that did not succeed misses (SSL_get_error(3)). None: nothing, it ended or failed. Under the lock, on
    // the thread of the call: the queue of errors is the thread's. After a failure no further call is allowed, not even
    // SSL_shutdown: it counts as aborted.
    private SocketEvents Missing(int result, out bool ended)
    {
        ended = false;
        int code = Marshal.GetLastPInvokeError();
        int error = LibSsl.GetError(_ssl, result);
        switch (error)
        {
            case LibSsl.SSL_ERROR_WANT_READ:
                return SocketEvents.Readable;
            case LibSsl.SSL_ERROR_WANT_WRITE:
                return SocketEvents.Writable;
            case LibSsl.SSL_ERROR_ZERO_RETURN:
                ended = true;
                break;
            case LibSsl.SSL_ERROR_SYSCALL when code == 0:
                // OpenSSL 1.1.1: the end of the connection without close_notify. Version 3 tells it in its own way.
                EndWithoutNotice(out ended);
                break;
            case LibSsl.SSL_ERROR_SYSCALL:
                NoteFailure(LibC.SocketFailure(code));
                break;
            default:
                NoteFailure(new AuthenticationException($"{OpenSslLibrary.TakeErrors()} (SSL error {error})"));
                // The alert that says why, if there is room for it.
                _ = _output?.SendTo(_socket);
                break;
        }

        LibSsl.ClearErrors();
        return SocketEvents.None;
    }

    // Of a client that is an end like any other, as set in OpenSslContext; of a server it may be that its answer is
    // cut.
    private void EndWithoutNotice(out bool ended)
    {
        ended = LibSsl.IsServer(_ssl) == 1;
        if (!ended)
        {
            NoteFailure(new IOException("The connection ended without close_notify"));
        }
    }
}
