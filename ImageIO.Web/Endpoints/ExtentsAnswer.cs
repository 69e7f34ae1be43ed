using System.Buffers;
using System.Text.Json;
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

    // Gathered extents are sent after this time at the latest. If storage takes seconds for the next extent, a client
    // or a proxy in between must not take the daemon for hung.
    private static readonly TimeSpan FlushPeriod = TimeSpan.FromSeconds(1);

    private readonly HttpContext _context;
    private readonly ExtentContext _wanted;
    private readonly Stream _client;
    private readonly ArrayBufferWriter<byte> _buffer = new(FlushSize);
    private readonly Utf8JsonWriter _json;

    // Held while writing: extents come on one thread, and the period ends on another.
    private readonly SemaphoreSlim _turn = new(1);
    private readonly PeriodicTimer _period;
    private readonly Task _sendingByTime;
    private bool _isEmpty = true;

    /// <summary>Starts the answer. Nothing is sent yet.</summary>
    public ExtentsAnswer(HttpContext context, ExtentContext wanted, TimeProvider time)
    {
        _context = context;
        _wanted = wanted;
        context.Response.ContentType = "application/json";
        _client = Answer.ToClient(context);
        _json = new Utf8JsonWriter(_buffer);
        _json.WriteStartArray();
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
    public async ValueTask AddAsync(Extent extent)
    {
        await _turn.WaitAsync(_context.RequestAborted);
        try
        {
            Write(extent);
            if (_buffer.WrittenCount + _json.BytesPending >= FlushSize)
            {
                await SendAsync();
            }
        }
        finally
        {
            _turn.Release();
        }
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

        _json.WriteEndArray();
        await _json.FlushAsync(_context.RequestAborted);
        _buffer.Write("\n"u8);
        if (!_context.Response.HasStarted)
        {
            _context.Response.ContentLength = _buffer.WrittenCount;
        }

        await _client.WriteAsync(_buffer.WrittenMemory, _context.RequestAborted);
    }

    /// <summary>Stops sending, and gives the writer's memory back.</summary>
    public async ValueTask DisposeAsync()
    {
        await EndByTimeAsync();
        await _json.DisposeAsync();
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
                await _turn.WaitAsync(_context.RequestAborted);
                try
                {
                    if (_buffer.WrittenCount + _json.BytesPending > 0)
                    {
                        await SendAsync();
                    }
                }
                finally
                {
                    _turn.Release();
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has left, which ends the request as well.
        }
    }

    private async ValueTask SendAsync()
    {
        await _json.FlushAsync(_context.RequestAborted);
        await _client.WriteAsync(_buffer.WrittenMemory, _context.RequestAborted);
        _buffer.ResetWrittenCount();
    }

    private void Write(Extent extent)
    {
        _isEmpty = false;
        _json.WriteStartObject();
        _json.WriteNumber("start", extent.Range.Start);
        _json.WriteNumber("length", extent.Range.Length);
        _json.WriteBoolean("zero", extent.Flags.HasFlag(ExtentFlags.Zero));
        if (_wanted == ExtentContext.Dirty)
        {
            _json.WriteBoolean("dirty", extent.Flags.HasFlag(ExtentFlags.Dirty));
        }
        else
        {
            _json.WriteBoolean("hole", extent.Flags.HasFlag(ExtentFlags.Hole));
        }

        _json.WriteEndObject();
    }
}
