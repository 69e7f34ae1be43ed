using System.Net.Sockets;
using ImageIO.Core.Tickets;
using ImageIO.Transport.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Listeners;

/// <summary>
/// One client connection, from accept to close: its service, the images that it holds open, and whether it idles or
/// stalls. A feature of its requests.
/// </summary>
/// <remarks>
/// It idles while no request runs. It stalls while a request waits for the client's next byte, or for the client to
/// take one. While a request waits for storage it does neither, however long that takes.
/// </remarks>
public sealed class ClientConnection
{
    private readonly ConnectionContext _context;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly long _opened;

    // Timestamp since when it waits for the client; null while it does not.
    private long? _waitingSince;
    private bool _inRequest;
    private bool _holdsImage;
    private volatile bool _isAnswering;
    private volatile bool _isRefused;
    private bool _isAskedToEnd;
    private volatile bool _isNew;
    private TimeSpan _patience;
    private TimeSpan _clientWait;

    internal ClientConnection(
        ConnectionContext context,
        ServiceListener listener, MessageBudget messages, TimeSpan patience, TimeProvider time)
    {
        _context = context;
        _time = time;
        _patience = patience;
        Service = listener.Service;
        IsForHost = listener.IsForHost;
        Messages = messages;
        _opened = time.GetTimestamp();
        _waitingSince = _opened;
    }

    /// <summary>Name of the service that it was accepted by.</summary>
    public string Service { get; }

    /// <summary>Whether that service is for this host's own needs.</summary>
    internal bool IsForHost { get; }

    /// <summary>
    /// Timestamp since when it idles without an image. Null: it does not idle, or has opened an image.
    /// </summary>
    internal long? IdlesSince
    {
        get
        {
            lock (_lock)
            {
                return _inRequest || _isNew || _holdsImage || _isAskedToEnd ? null : _waitingSince;
            }
        }
    }

    /// <summary>Its name in logs.</summary>
    public string Id => _context.ConnectionId;

    /// <summary>Total time that requests on it waited for the client.</summary>
    public TimeSpan ClientWait
    {
        get
        {
            lock (_lock)
            {
                return _clientWait;
            }
        }
    }

    /// <summary>Duration of the TLS handshake. Zero: there was none.</summary>
    public TimeSpan HandshakeTime { get; private set; }

    /// <summary>Its operations by transfer, for the summary when it closes.</summary>
    public TransferTally Tally { get; } = new();

    /// <summary>The memory for larger request bodies, of all connections.</summary>
    internal MessageBudget Messages { get; }

    /// <summary>The images that it holds open.</summary>
    public ImageLeases Images { get; } = new();

    internal TimeProvider Time => _time;

    internal bool IsInRequest
    {
        get
        {
            lock (_lock)
            {
                return _inRequest;
            }
        }
    }

    /// <summary>Whether an answer has begun and not ended.</summary>
    internal bool IsAnswering
    {
        get => _isAnswering;
        set => _isAnswering = value;
    }

    /// <summary>Whether the server itself has refused a request, and ends the connection.</summary>
    internal bool IsRefused
    {
        get => _isRefused;
        set => _isRefused = value;
    }

    /// <summary>The connection of a request.</summary>
    public static ClientConnection Of(HttpContext context) =>
        context.Features.Get<ClientConnection>()
        ?? throw new InvalidOperationException("The request did not come in by one of our listeners.");

    /// <summary>From now on it may idle or stall for so long; the ticket whose image it opened says.</summary>
    /// <param name="seconds">0 or more; beyond ten years is for ever.</param>
    public void SetPatience(long seconds)
    {
        lock (_lock)
        {
            _holdsImage = true;
            _patience = TimeSpan.FromSeconds(Math.Min(seconds, 10L * 365 * 24 * 3600));
        }
    }

    /// <summary>Ends it as soon as no request runs on it: now, or with the answer to the one that does.</summary>
    internal void EndWhenIdle()
    {
        lock (_lock)
        {
            _isAskedToEnd = true;
        }

        if (_isNew)
        {
            TurnAway();
        }
        else
        {
            _context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        }
    }

    /// <summary>Whether the client has left so much unread that the kernel takes no more for it.</summary>
    internal bool TakesNoMore
    {
        get
        {
            try
            {
                return Socket?.Poll(0, SelectMode.SelectWrite) == false;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The client was faster.
                return false;
            }
        }
    }

    private Socket? Socket => _context.Features.Get<IConnectionSocketFeature>()?.Socket;

    /// <summary>
    /// Tells the client that nothing more will come. Does nothing when what was answered may still wait for room in the
    /// socket: then the answer is worth more than its end.
    /// </summary>
    internal void EndOutput()
    {
        try
        {
            if (Socket is { } socket && socket.Poll(0, SelectMode.SelectWrite))
            {
                socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client was faster.
        }
    }

    /// <summary>Starts the wait for the client's first byte, or with TLS for the handshake.</summary>
    internal void IntroductionStarts() => _isNew = true;

    /// <summary>Notes that the client has introduced itself.</summary>
    internal void IntroductionEnded(bool isHandshake)
    {
        _isNew = false;
        lock (_lock)
        {
            HandshakeTime = isHandshake ? _time.GetElapsedTime(_opened) : TimeSpan.Zero;
            // The first request has its own full time, not the rest of the introduction's.
            _waitingSince = _time.GetTimestamp();
        }
    }

    internal void RequestStarts()
    {
        lock (_lock)
        {
            _inRequest = true;
            _waitingSince = null;
        }
    }

    internal void RequestEnds()
    {
        lock (_lock)
        {
            _inRequest = false;
            _waitingSince = _time.GetTimestamp();
        }
    }

    internal void ClientWaitStarts()
    {
        lock (_lock)
        {
            _waitingSince = _time.GetTimestamp();
        }
    }

    internal void ClientWaitEnds()
    {
        lock (_lock)
        {
            if (_waitingSince is { } since)
            {
                _clientWait += _time.GetElapsedTime(since);
            }

            _waitingSince = null;
        }
    }

    /// <summary>
    /// Ends it if it has idled or stalled for too long: an idle one in order, a stalled one by a cut.
    /// </summary>
    /// <param name="newcomersPatience">Longest time for a client to introduce itself.</param>
    /// <returns>Whether it was ended just now.</returns>
    internal bool EndIfOverdue(TimeSpan newcomersPatience)
    {
        bool isStalled;
        lock (_lock)
        {
            if (_waitingSince is not { } since
                || _time.GetElapsedTime(since) < (_isNew ? newcomersPatience : _patience))
            {
                return false;
            }

            // Between requests, too, because the server cannot end a request whose answer is left unread.
            isStalled = _inRequest || TakesNoMore;
            if (!isStalled && _isAskedToEnd)
            {
                // The head of a request has begun to come, which the server limits.
                return false;
            }

            _isAskedToEnd = true;
        }

        if (_isNew)
        {
            TurnAway();
        }
        else if (!isStalled && _context.Features.Get<IConnectionLifetimeNotificationFeature>() is { } polite)
        {
            polite.RequestClose();
        }
        else
        {
            _context.Abort(new ConnectionAbortedException("The client moved no byte for too long"));
        }

        return true;
    }

    private void TurnAway() => Introduction.TurnAway(_context);
}
