using ImageIO.Core.Errors;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>One request on its way to a daemon and its answer on the way back: what the parts of the forwarder share.</summary>
internal sealed class Exchange : IDisposable
{
    /// <summary>How the HTTP client below YARP finds it.</summary>
    public static readonly HttpRequestOptionsKey<Exchange> Key = new("ImageIO.Exchange");

    private readonly UpstreamPool _pool;
    private UpstreamConnection? _connection;
    private bool _isAnswerComplete;

    /// <summary>Prepares to forward a client's request.</summary>
    /// <param name="pool">Where its connection comes from and goes back to.</param>
    /// <param name="context">The client's request.</param>
    /// <param name="request">Where it goes to.</param>
    public Exchange(UpstreamPool pool, HttpContext context, ForwardRequest request)
    {
        _pool = pool;
        Request = request;
        RequestHead = new RequestHead(context.Request, request);
        Upload = new UploadBody(context, request);
    }

    /// <summary>What is forwarded.</summary>
    public ForwardRequest Request { get; }

    /// <summary>The head that the daemon gets.</summary>
    public RequestHead RequestHead { get; }

    /// <summary>The request's body, perhaps empty.</summary>
    public UploadBody Upload { get; }

    /// <summary>Whether the whole request has been sent.</summary>
    public bool IsRequestComplete { get; set; }

    /// <summary>The head of the answer. Null: not yet there.</summary>
    public ResponseHead? Head { get; set; }

    /// <summary>Most bytes of the answer that the client may see; the rest of the image is not its.</summary>
    public long AnswerLimit
    {
        get => (Request.ImageLimit, Head?.Status) switch
        {
            ({ } limit, StatusCodes.Status200OK) => limit,
            ({ } limit, StatusCodes.Status206PartialContent) => Math.Max(0, limit - FirstByte),
            _ => long.MaxValue,
        };
    }

    /// <summary>Where an answer of 206 begins.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.UpstreamFailed"/>: it does not say.</exception>
    public long FirstByte
    {
        get
        {
            try
            {
                return ContentRangeHeader.ParseOffset(Head?.Field("Content-Range") ?? "");
            }
            catch (TransferException)
            {
                throw Connection.Malformed("its Content-Range");
            }
        }
    }

    /// <summary>The connection that it uses.</summary>
    public UpstreamConnection Connection =>
        _connection ?? throw new InvalidOperationException("The exchange has no connection.");

    /// <summary>Takes a connection.</summary>
    public async ValueTask ConnectAsync(CancellationToken cancellationToken) =>
        _connection = await _pool.RentAsync(Request.Upstream, cancellationToken);

    /// <summary>Notes that the answer was read to its end.</summary>
    public void AnswerEnds() => _isAnswerComplete = true;

    /// <summary>Gives the connection back; one in the middle of a message is closed, which cancels what the daemon does.</summary>
    public void Dispose()
    {
        if (_connection is { } connection)
        {
            _connection = null;
            _pool.Return(connection, IsRequestComplete && _isAnswerComplete && Head is { ClosesConnection: false });
        }
    }
}
