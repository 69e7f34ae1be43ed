using System.Net.Sockets;
using ImageIO.Core.Tickets;
using ImageIO.Transport.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Listeners;

/// <summary>
/// One client connection: the service it came in by, the images it holds open, and whether it idles or stalls. Lives
/// from accept to close; requests on it find it among their features.
/// </summary>
/// <remarks>
/// Two clocks. Idle: no request runs. Stalled: a request waits for the client's next byte, or for the client to take
/// one. While a request waits for storage neither runs, however long that takes.
/// </remarks>
public sealed class ClientConnection
{
    private readonly ConnectionContext _context;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly long _opened;

    // Timestamp since when the connection waits for the client; null while it does not.
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

    /// <summary>The service whose listener accepted it.</summary>
    public string Service { get; }

    /// <summary>Whether it came to a service of this host's own needs.</summary>
    internal bool IsForHost { get; }

    /// <summary>
    /// Since when it idles and holds nothing that is worth keeping: a timestamp. Null: it does not idle, or has opened
    /// an image.
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

    /// <summary>What logs call it.</summary>
    public string Id => _context.ConnectionId;

    /// <summary>How long requests on it waited for the client, in all.</summary>
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

    /// <summary>How long the TLS handshake took. Zero: there was none.</summary>
    public TimeSpan HandshakeTime { get; private set; }

    /// <summary>What was transferred on it, by transfer; for the summary when it closes.</summary>
    public TransferTally Tally { get; } = new();

    /// <summary>What larger request bodies are gathered from, on this connection and all others.</summary>
    internal MessageBudget Messages { get; }

    /// <summary>The images it holds open.</summary>
    public ImageLeases Images { get; } = new();

    /// <summary>The clock that it is watched by.</summary>
    internal TimeProvider Time => _time;

    /// <summary>Whether a request runs on it.</summary>
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

    /// <summary>Whether a request was taken on whose answer has not ended.</summary>
    internal bool IsAnswering
    {
        get => _isAnswering;
        set => _isAnswering = value;
    }

    /// <summary>Whether the server has refused what came, unread perhaps, and ends the connection.</summary>
    internal bool IsRefused
    {
        get => _isRefused;
        set => _isRefused = value;
    }

    /// <summary>The connection that a request came in by.</summary>
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

    /// <summary>
    /// Whether a request waits for a client that has left so much unread that the kernel takes no more for it: nothing
    /// moves before the client does.
    /// </summary>
    internal bool IsStuck
    {
        get
        {
            lock (_lock)
            {
                return _inRequest && _waitingSince is not null && TakesNoMore;
            }
        }
    }

    /// <summary>Whether the kernel holds so much that the client has not taken that it takes no more from us.</summary>
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

    /// <summary>From now on the client is awaited to send its first byte, and with TLS to make the handshake.</summary>
    internal void IntroductionStarts() => _isNew = true;

    /// <summary>The client has introduced itself.</summary>
    internal void IntroductionEnded(bool isHandshake)
    {
        _isNew = false;
        lock (_lock)
        {
            HandshakeTime = isHandshake ? _time.GetElapsedTime(_opened) : TimeSpan.Zero;
            // The introduction had its own time; the first request has all of its.
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

    /// <summary>Ends it if it has kept us waiting for too long: an idle one politely, a stalled one by a cut.</summary>
    /// <param name="newcomersPatience">How long a client may take to introduce itself.</param>
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

            // Between requests, too: an answer that is left unread keeps the server from the end of its request.
            isStalled = _inRequest || TakesNoMore;
            if (!isStalled && _isAskedToEnd)
            {
                // What is left is the head of a request that has begun to come; the server has a time limit for it.
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
