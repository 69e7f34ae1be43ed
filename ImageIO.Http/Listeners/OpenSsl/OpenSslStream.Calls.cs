using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;

namespace ImageIO.Http.Listeners.OpenSsl;

/// <content>The calls of OpenSSL, each under the lock.</content>
internal sealed partial class OpenSslStream
{
    // Null: the handshake is complete; else what its next step waits for.
    private SocketEvents? TryHandshake()
    {
        lock (_lock)
        {
            ThrowIfOver();
            _readiness.Reader.Arm();
            LibSsl.ClearErrors();
            int result = LibSsl.Handshake(_ssl);
            if (result == 1)
            {
                Agreed = new TlsFeatures(_ssl);
                PeerCertificates = ReadPeerCertificates();
                _isOpen = true;
                return null;
            }

            bool ended = false;
            SocketEvents wants = Missing(result, ref ended);
            return _aborted is AuthenticationException refused ? throw refused
                : ended || _aborted is not null ? throw new IOException("The connection ended during the TLS handshake", _aborted)
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

    // Reads records until the buffer is full or the socket empty. Null: nothing there yet; _readWants says what for.
    private unsafe int? TryRead(Span<byte> buffer)
    {
        int total = 0;
        bool ended, leaves;
        lock (_lock)
        {
            ThrowIfOver();
            _readiness.Reader.Arm();
            _readWants = SocketEvents.None;
            fixed (byte* start = buffer)
            {
                while (total < buffer.Length && !_readEnded)
                {
                    nuint read;
                    LibSsl.ClearErrors();
                    int result = LibSsl.Read(_ssl, start + total, (nuint)(buffer.Length - total), &read);
                    if (result == 1)
                    {
                        total += (int)read;
                        continue;
                    }

                    _readWants = Missing(result, ref _readEnded);
                    break;
                }
            }

            // What was read before the failure is the caller's; the next read reports it.
            if (total == 0)
            {
                ThrowIfOver();
            }

            ended = _readEnded;
            leaves = ended && _peerHasClosed;
        }

        if (leaves)
        {
            Leave();
        }

        return total > 0 || ended ? total : null;
    }

    // Looks whether there is something to read, the end and a failure included. If not, _readWants says what for.
    private bool TryPeek()
    {
        lock (_lock)
        {
            ThrowIfOver();
            _readiness.Reader.Arm();
            return HasMore(out _readWants) || _readWants == SocketEvents.None;
        }
    }

    // Whether the reader has nothing more to come. Under the lock.
    private bool IsAtEnd() => _aborted is not null || _readEnded || !HasMore(out _);

    // Whether there is a byte to read. Under the lock.
    private unsafe bool HasMore(out SocketEvents wants)
    {
        byte next;
        nuint count;
        LibSsl.ClearErrors();
        int result = LibSsl.Peek(_ssl, &next, 1, &count);
        wants = result == 1 ? SocketEvents.None : Missing(result, ref _readEnded);
        return result == 1;
    }

    // Writes until all is written or the socket full. Null: all is; else what the rest waits for.
    private unsafe SocketEvents? TryWrite(ReadOnlySpan<byte> buffer, ref int written)
    {
        lock (_lock)
        {
            fixed (byte* start = buffer)
            {
                while (written < buffer.Length)
                {
                    ThrowIfOver();
                    _readiness.Writer.Arm();
                    nuint count;
                    LibSsl.ClearErrors();
                    int result = LibSsl.Write(_ssl, start + written, (nuint)(buffer.Length - written), &count);
                    if (result == 1)
                    {
                        written += (int)count;
                        continue;
                    }

                    bool ended = false;
                    SocketEvents wants = Missing(result, ref ended);
                    ThrowIfOver();
                    return ended ? throw new IOException("The connection was closed") : wants;
                }
            }
        }

        return null;
    }

    // Null: the end is told, or cannot be; else what it waits for.
    private SocketEvents? TryEnd()
    {
        lock (_lock)
        {
            if (!_isOpen || _closed || _aborted is not null)
            {
                return null;
            }

            _readiness.Writer.Arm();
            LibSsl.ClearErrors();
            int result = LibSsl.Shutdown(_ssl);
            // 0 and 1: ours is sent. The client's is nothing to wait for.
            bool ended = false;
            return result < 0 && Missing(result, ref ended) == SocketEvents.Writable ? SocketEvents.Writable : null;
        }
    }

    // What a call that did not succeed misses (SSL_get_error(3)). None: nothing, it ended or failed. Under the lock, on
    // the thread of the call: the queue of errors is the thread's. After a failure no further call is allowed, not even
    // SSL_shutdown: it counts as aborted.
    private SocketEvents Missing(int result, ref bool ended)
    {
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
            case LibSsl.SSL_ERROR_SYSCALL:
                _aborted ??= new SocketException(code);
                break;
            default:
                _aborted ??= new AuthenticationException($"{OpenSslLibrary.TakeErrors()} (SSL error {error})");
                break;
        }

        LibSsl.ClearErrors();
        return SocketEvents.None;
    }
}
