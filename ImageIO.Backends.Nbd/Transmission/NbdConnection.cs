using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Nbd.Transmission;

/// <summary>
/// One connection to an export, with many requests in flight. Sending and receiving never wait for each other: a server
/// may stop reading while its replies are not taken.
/// </summary>
/// <remarks>
/// <code>
///   callers ──▶ queue ──▶ send loop ──▶ socket ──▶ server
///      ▲          │                                  │
///      │          └─▶ in flight, by cookie           │
///      └───────────────── receive loop ◀── socket ◀──┘
/// </code>
/// A connection breaks once, for good: by the server's end, by a message that the protocol forbids, by a stall, or when
/// it is closed. Then everything in flight fails, after both loops have let go of the callers' memory.
/// </remarks>
internal sealed partial class NbdConnection : IAsyncDisposable
{
    private readonly string _server;
    private readonly Stream _stream;
    private readonly WireReader _reader;
    private readonly MetaContexts _contexts;
    private readonly bool _structured;
    private readonly TimeProvider _time;
    private readonly Action<NbdConnection> _broken;
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private readonly Dictionary<ulong, NbdRequest> _inFlight = [];
    private ulong _lastCookie;
    private bool _isClosing;
    private bool _isClosed;
    private Exception? _cause;
    private long _busySince;

    // Written by the receive loop only.
    private long _writes;
    private long _flushedWrites;

    private Task _running = Task.CompletedTask;

    /// <summary>Takes over a connection.</summary>
    /// <param name="negotiated">The connection; owned by this object.</param>
    /// <param name="server">Names the server in messages.</param>
    /// <param name="time">The clock.</param>
    /// <param name="broken">
    /// Called once when the connection has broken, before the requests in flight fail, so that lost writes are known
    /// before a caller can react.
    /// </param>
    public NbdConnection(
        NegotiatedConnection negotiated, string server, TimeProvider time, Action<NbdConnection> broken)
    {
        _server = server;
        _stream = negotiated.Stream;
        _reader = negotiated.Reader;
        _contexts = negotiated.Contexts;
        _structured = negotiated.Export.HasStructuredReplies;
        _time = time;
        _broken = broken;
    }

    /// <summary>Requests whose reply has not arrived.</summary>
    public int InFlight
    {
        get
        {
            lock (_lock)
            {
                return _inFlight.Count;
            }
        }
    }

    /// <summary>Why it broke. Null: it works, or this side closes it.</summary>
    public Exception? Cause => _cause;

    /// <summary>Whether it has acknowledged writes that are not flushed.</summary>
    public bool HasUnflushedWrites => Volatile.Read(ref _writes) > Volatile.Read(ref _flushedWrites);

    /// <summary>Completes when it has broken and all requests in flight have failed.</summary>
    public Task Ended => _running;

    /// <summary>Counts all acknowledged writes as flushed, for a server without flush.</summary>
    public void NoteFlushed() => Volatile.Write(ref _flushedWrites, Volatile.Read(ref _writes));

    /// <summary>Starts to receive.</summary>
    public void Start() => _running = RunAsync();

    /// <summary>Breaks the connection if the server owes a reply and has sent nothing for too long.</summary>
    public void CheckStall(TimeSpan timeout)
    {
        long since;
        lock (_lock)
        {
            if (_inFlight.Count == 0)
            {
                return;
            }

            since = Math.Max(_busySince, _reader.LastReceived);
        }

        if (_time.GetElapsedTime(since) >= timeout)
        {
            Break(new NbdException($"the server owes a reply and has sent nothing for {timeout.TotalSeconds} s"));
        }
    }

    /// <summary>Sends a disconnect, closes the connection, and fails the requests in flight.</summary>
    public async ValueTask DisposeAsync()
    {
        if (TrySend(new NbdRequest(Command.Disconnect, 0, 0)))
        {
            // After the requests that are being sent. Skipped if the server does not read.
            await SenderEndsAsync()
                .WaitAsync(DisconnectTimeout, _time)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Break(cause: null);
        await _running;
    }

    // Ends both loops, from any thread. The first cause counts.
    private void Break(Exception? cause)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
            // After a disconnect the server closes the connection too, perhaps first.
            _cause = _isClosing ? null : cause;
        }

        _stream.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            await ReceiveAsync();
        }
        catch (Exception e)
        {
            // Any exception, bugs included, because callers would wait forever for their replies.
            Break(e);
        }

        await SenderEndsAsync();
        _broken(this);
        FailAll();
    }

    // A request is complete when its reply has arrived and it is sent.
    private void FinishPart(ulong cookie, NbdRequest request)
    {
        if (request.FinishPart())
        {
            lock (_lock)
            {
                _inFlight.Remove(cookie);
            }

            request.Complete(_server);
        }
    }

    private void FailAll()
    {
        NbdRequest[] failed;
        lock (_lock)
        {
            failed = [.. _inFlight.Values];
            _inFlight.Clear();
        }

        foreach (NbdRequest request in failed)
        {
            request.Fail(new TransferException(
                TransferError.StorageFailed, $"{_server}: {request} failed: {Describe(_cause)}", _cause));
        }
    }

    private static string Describe(Exception? cause) => cause switch
    {
        null => "the image was closed",
        NbdException => cause.Message,
        _ => $"the connection broke: {cause.Message}",
    };
}
