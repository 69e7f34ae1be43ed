using System.Net;
using System.Net.Sockets;
using System.Text;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Sends events to a syslog daemon, in the form of Python's handler. Drops what it does not accept at
/// once.</summary>
internal sealed class SyslogSink(LogSyslogTarget target, ITextFormatter formatter) : ILogEventSink, IDisposable
{
    // Time between attempts to connect, so that a missing daemon costs nothing.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly LineBuffer _line = new(formatter);
    private Socket? _socket;
    private DateTimeOffset _nextAttempt;
    private bool _isConnecting;
    private bool _isDisposed;

    /// <summary>Connects. If that fails, later lines try again.</summary>
    public void Open()
    {
        Socket? socket = TryConnect();
        lock (_lock)
        {
            _socket = socket;
            _isConnecting = false;
        }
    }

    public void Emit(LogEvent logEvent)
    {
        lock (_lock)
        {
            if (_socket is null)
            {
                ConnectLater(logEvent.Timestamp);
                return;
            }

            try
            {
                ReadOnlySpan<byte> line = _line.Format(logEvent);
                _socket.Send((byte[])[
                    .. Encoding.ASCII.GetBytes($"<{(target.Facility << 3) | SeverityOf(logEvent.Level)}>"),
                    .. line.TrimEnd((byte)'\n'), 0]);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock
                or SocketError.NoBufferSpaceAvailable or SocketError.MessageSize)
            {
                // The daemon is slow, or the line is too long for a datagram.
            }
            catch (SocketException)
            {
                _socket.Dispose();
                _socket = null;
                ConnectLater(logEvent.Timestamp);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _socket?.Dispose();
            _socket = null;
            _line.Dispose();
        }
    }

    // On another thread: a name may take long to resolve, and this thread serves clients.
    private void ConnectLater(DateTimeOffset now)
    {
        if (!_isConnecting && now >= _nextAttempt && !_isDisposed)
        {
            _isConnecting = true;
            _nextAttempt = now + Pause;
            _ = Task.Run(Open);
        }
    }

    private static int SeverityOf(LogEventLevel level) => level switch
    {
        LogEventLevel.Fatal => 2,
        LogEventLevel.Error => 3,
        LogEventLevel.Warning => 4,
        LogEventLevel.Information => 6,
        _ => 7,
    };

    private Socket? TryConnect()
    {
        try
        {
            return Connect();
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private Socket Connect()
    {
        SocketType type = target.IsStream ? SocketType.Stream : SocketType.Dgram;
        if (target.Socket is null)
        {
            return Connect(new Socket(type, target.IsStream ? ProtocolType.Tcp : ProtocolType.Udp), target.Host!);
        }

        var endPoint = new UnixDomainSocketEndPoint(target.Socket);
        try
        {
            return Connect(new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified), endPoint);
        }
        catch (SocketException) when (!target.IsStream)
        {
            // Some daemons have a stream socket there. Python's handler tries it second, too.
            return Connect(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), endPoint);
        }
    }

    private static Socket Connect(Socket socket, EndPoint address)
    {
        try
        {
            socket.Connect(address);
            // Threads that serve clients write lines, so writing must not wait for the daemon.
            socket.Blocking = false;
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
