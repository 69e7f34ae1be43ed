using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Unicode;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;

namespace ImageIO.Web.Endpoints;

/// <summary>A list of extents as JSON. Streamed, so its memory does not depend on their number.</summary>
internal sealed class ExtentsAnswer : IAsyncDisposable
{
    // Bytes gathered before they are sent, some 600 extents. A shorter answer has a Content-Length.
    private const int FlushSize = 32 * 1024;

    // Two numbers of 19 digits, and what is around them.
    private const int LongestExtent = 128;

    // Gathered extents are sent after this time at the latest. If storage takes seconds for the next extent, a client
    // or a proxy in between must not take the daemon for hung.
    private static readonly TimeSpan FlushPeriod = TimeSpan.FromSeconds(1);

    private readonly HttpContext _context;
    private readonly string _secondFlag;
    private readonly ExtentFlags _second;
    private readonly Stream _client;

    // Guards what was gathered: extents come on one thread, and the period ends on another.
    private readonly Lock _lock = new();
    private ArrayBufferWriter<byte> _gathered = new(FlushSize + LongestExtent);

    // Held while sending.
    private readonly SemaphoreSlim _turn = new(1);
    private ArrayBufferWriter<byte> _sending = new(FlushSize + LongestExtent);
    private readonly PeriodicTimer _period;
    private readonly Task _sendingByTime;
    private bool _isEmpty = true;

    /// <summary>Starts the answer. Nothing is sent yet.</summary>
    public ExtentsAnswer(HttpContext context, ExtentContext wanted, TimeProvider time)
    {
        _context = context;
        (_secondFlag, _second) = wanted == ExtentContext.Dirty
            ? ("dirty", ExtentFlags.Dirty)
            : ("hole", ExtentFlags.Hole);
        context.Response.ContentType = "application/json";
        _client = Answer.ToClient(context);
        _gathered.Write("["u8);
        _period = new PeriodicTimer(FlushPeriod, time);
        _sendingByTime = SendByTimeAsync();
    }

    /// <summary>Throws unless a ticket permits to ask for these flags.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.NotSupported"/>.</exception>
    public static void RequirePermitted(Ticket ticket, ExtentContext wanted)
    {
        if (wanted == ExtentContext.Dirty && !ticket.Spec.Dirty)
        {
            throw NoDirtyExtents(ticket);
        }
    }

    /// <summary>The failure of a request for dirty extents of an image without them.</summary>
    public static TransferException NoDirtyExtents(Ticket ticket) =>
        new(TransferError.NotSupported, $"Transfer {ticket.TransferId} has no dirty extents");

    /// <summary>Adds the next extent, and sends the gathered ones when there are enough.</summary>
    public ValueTask AddAsync(Extent extent)
    {
        lock (_lock)
        {
            Write(extent);
            if (_gathered.WrittenCount < FlushSize)
            {
                return ValueTask.CompletedTask;
            }
        }

        return SendAsync();
    }

    /// <summary>Ends the list and sends its last part.</summary>
    public async ValueTask EndAsync()
    {
        await EndByTimeAsync();
        if (_isEmpty)
        {
            // Clients take the end of the last extent as the image's size.
            Write(new Extent(new ByteRange(0, 0), ExtentFlags.None));
        }

        _gathered.Write("]\n"u8);
        if (!_context.Response.HasStarted)
        {
            _context.Response.ContentLength = _gathered.WrittenCount;
        }

        await _client.WriteAsync(_gathered.WrittenMemory, _context.RequestAborted);
    }

    /// <summary>Stops sending.</summary>
    public async ValueTask DisposeAsync()
    {
        await EndByTimeAsync();
        _turn.Dispose();
    }

    private Task EndByTimeAsync()
    {
        _period.Dispose();
        return _sendingByTime;
    }

    private async Task SendByTimeAsync()
    {
        try
        {
            while (await _period.WaitForNextTickAsync(_context.RequestAborted))
            {
                await SendAsync();
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has left, which ends the request as well.
        }
    }

    private async ValueTask SendAsync()
    {
        await _turn.WaitAsync(_context.RequestAborted);
        try
        {
            lock (_lock)
            {
                (_gathered, _sending) = (_sending, _gathered);
            }

            if (_sending.WrittenCount > 0)
            {
                await _client.WriteAsync(_sending.WrittenMemory, _context.RequestAborted);
                _sending.ResetWrittenCount();
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    // Text instead of a JSON writer's calls for each name and value: an image may have millions of extents.
    private void Write(Extent extent)
    {
        string separator = _isEmpty ? "" : ",";
        (long start, long length) = (extent.Range.Start, extent.Range.Length);
        string zero = Json((extent.Flags & ExtentFlags.Zero) != 0);
        string second = Json((extent.Flags & _second) != 0);
        bool fits = Utf8.TryWrite(
            _gathered.GetSpan(LongestExtent),
            CultureInfo.InvariantCulture,
            $$"""{{separator}}{"start":{{start}},"length":{{length}},"zero":{{zero}},"{{_secondFlag}}":{{second}}}""",
            out int written);
        Debug.Assert(fits, "an extent is longer than can be");
        _gathered.Advance(written);
        _isEmpty = false;
    }

    private static string Json(bool value) => value ? "true" : "false";
}
