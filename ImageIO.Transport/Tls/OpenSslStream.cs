using System.Runtime.InteropServices;
using System.Security.Authentication;
using ImageIO.Transport.Sockets;

namespace ImageIO.Transport.Tls;

/// <summary>
/// A TLS connection. OpenSSL decrypts from the socket into the caller's memory, and encrypts from it.
/// </summary>
/// <remarks>
/// An SSL object is not thread-safe, so it is called under the stream's lock only, and never after it was freed. The
/// end of TLS alone (close_notify) says only that the peer sends no more, not that it has left.
/// </remarks>
internal sealed class OpenSslStream : SocketStream
{
    private readonly SslHandle _ssl;
    private readonly SafeHandle _socket;

    // Guarded by the lock. The output is null until the handshake is complete.
    private TlsOutput? _output;
    private bool _owesAnswer;
    private bool _hasSaidEnd;

    /// <param name="ssl">The connection's state; owned by this.</param>
    /// <param name="socket">The non-blocking socket. The caller owns it, and keeps it open while the stream is.</param>
    /// <param name="readiness">Tells when the socket is ready.</param>
    /// <param name="peerLeft">See <see cref="SocketStream"/>.</param>
    internal OpenSslStream(SslHandle ssl, SafeHandle socket, SocketReadiness readiness, Action peerLeft)
        : base(readiness, peerLeft)
    {
        _ssl = ssl;
        _socket = socket;
    }

    /// <summary>The peer's certificates, its own first. A server asks for none.</summary>
    internal IReadOnlyList<byte[]> PeerCertificates { get; private set; } = [];

    /// <summary>The result of a complete handshake.</summary>
    internal TlsFeatures? Agreed { get; private set; }

    /// <inheritdoc />
    protected override bool IsOpen => _output is not null;

    /// <inheritdoc />
    protected override bool HasReceived => LibSsl.HasPending(_ssl) == 1;

    /// <summary>Makes the handshake.</summary>
    /// <exception cref="AuthenticationException">The peer offered nothing usable, or did not speak TLS.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    internal async Task HandshakeAsync(CancellationToken cancellationToken)
    {
        while (TryHandshake() is { } wants)
        {
            await Readiness.Reader.WaitAsync(wants, cancellationToken);
        }
    }

    /// <summary>
    /// Sends close_notify when there is room for it. A failure is ignored, because the peer has gone then.
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
            // The peer takes nothing more.
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

        // Nothing waits for the socket, so there is room for all of it.
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

    // Null: the handshake is complete. Otherwise what its next step waits for.
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

    // Null: close_notify is sent, or cannot be. Otherwise what it waits for.
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
                // 0 and 1: ours is on its way. We do not wait for the peer's.
                if (LibSsl.Shutdown(_ssl) is < 0 and var result)
                {
                    NoteWriteFailure(result);
                    return null;
                }
            }

            return SendRest() is SocketEvents.Writable and var wants ? wants : null;
        }
    }

    // What another read waits for if this one found nothing.
    private SocketEvents AfterRead(int result, int waitingBefore, out bool again)
    {
        bool ended = false;
        SocketEvents wants = result == 1 ? SocketEvents.None : Missing(result, out ended);
        if (ended)
        {
            NoteEnd();
        }

        // OpenSSL may have answered by itself, for example to new keys, or lacked room for that. A writer sends the
        // answer along; otherwise the reader must.
        bool lackedRoom = (wants & SocketEvents.Writable) != 0;
        _owesAnswer |= lackedRoom || _output!.Waiting > waitingBefore;
        SocketEvents rest = _owesAnswer ? SendRest() : SocketEvents.None;
        again = lackedRoom && rest == SocketEvents.None && Aborted is null;
        return wants == SocketEvents.None ? wants : wants | rest;
    }

    // There was room, so OpenSSL had no reason to stop: it is a failure.
    private void NoteWriteFailure(int result)
    {
        _ = Missing(result, out _);
        NoteFailure(new IOException("The connection was closed"));
    }

    // What a call that did not succeed waits for (SSL_get_error(3)). None: it ended or failed. Under the lock and on
    // the call's thread, because each thread has its own queue of errors. After a failure no other call is allowed, not
    // even SSL_shutdown, so the connection counts as aborted.
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
                // OpenSSL 1.1.1 reports an end without close_notify like this, version 3 in its own way.
                EndWithoutNotice(out ended);
                break;
            case LibSsl.SSL_ERROR_SYSCALL:
                NoteFailure(LibC.SocketFailure(code));
                break;
            default:
                NoteFailure(new AuthenticationException($"{OpenSslLibrary.TakeErrors()} (SSL error {error})"));
                // The alert with the reason, if there is room for it.
                _ = _output?.SendTo(_socket);
                break;
        }

        LibSsl.ClearErrors();
        return SocketEvents.None;
    }

    // For a client this is an ordinary end, see OpenSslContext. A server's answer may have been cut.
    private void EndWithoutNotice(out bool ended)
    {
        ended = LibSsl.IsServer(_ssl) == 1;
        if (!ended)
        {
            NoteFailure(new IOException("The connection ended without close_notify"));
        }
    }
}
