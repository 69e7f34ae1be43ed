using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;

namespace ImageIO.Http.Listeners.OpenSsl;

/// <content>The calls of OpenSSL that move bytes, each under the lock.</content>
internal sealed partial class OpenSslStream
{
    // Null: the handshake is complete; else what its next step waits for.
    private SocketEvents? TryAccept()
    {
        lock (_lock)
        {
            ThrowIfOver();
            _readiness.Reader.Arm();
            LibSsl.ClearErrors();
            int result = LibSsl.Accept(_ssl);
            if (result == 1)
            {
                _isOpen = true;
                return null;
            }

            bool ended = false;
            SocketEvents wants = Missing(result, ref ended);
            return _aborted is AuthenticationException refused ? throw refused
                : ended || _aborted is not null ? throw new IOException("The client left during the TLS handshake", _aborted)
                : wants;
        }
    }

    // Reads records until the buffer is full or the socket empty. Null: nothing there yet; _readWants says what for.
    private unsafe int? TryRead(Span<byte> buffer)
    {
        int total = 0;
        lock (_lock)
        {
            ThrowIfOver();
            if (_readEnded)
            {
                return 0;
            }

            _readiness.Reader.Arm();
            _readWants = SocketEvents.None;
            fixed (byte* start = buffer)
            {
                while (total < buffer.Length)
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
        }

        if (_readEnded)
        {
            Leave();
        }

        return total > 0 || _readEnded ? total : null;
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
                    return ended ? throw new IOException("The client has closed the connection") : wants;
                }
            }
        }

        return null;
    }

    // What a call that did not succeed misses (SSL_get_error(3)). Under the lock, on the thread of the call: the queue of
    // errors is the thread's. After a failure no further call is allowed, not even SSL_shutdown: it counts as aborted.
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

    private void ThrowIfOver()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (_aborted is { } reason)
        {
            throw new IOException($"The connection is over: {reason.Message}", reason);
        }
    }
}
