using System.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Http.Heads;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>Passes a daemon's answer to the client: selects the fields and bytes that the client gets.</summary>
internal sealed class Download
{
    // As large as the server's blocks. Larger ones measured no better.
    private const int BufferSize = 64 * 1024;

    private const string NoCache = "no-cache, no-store";

    private static readonly string[] Answered =
        ["Content-Type", "Content-Disposition", "Content-Digest", "Allow", "Accept-Ranges"];

    private readonly HttpContext _context;
    private readonly ForwardRequest _request;
    private readonly UpstreamConnection _daemon;
    private readonly AnswerHead _head;
    private readonly AnswerPart _part;
    private readonly AnswerBody _body;

    /// <summary>Takes an answer whose head was read.</summary>
    /// <exception cref="TransferException">The client must not get it; see <see cref="ImageView.Of"/>.</exception>
    public Download(HttpContext context, ForwardRequest request, UpstreamConnection daemon, AnswerHead head)
    {
        _context = context;
        _request = request;
        _daemon = daemon;
        _head = head;
        _body = new AnswerBody(daemon, HttpMethods.IsHead(context.Request.Method) ? BodyFraming.None : head.Body);
        try
        {
            _part = request.View?.Of(head) ?? AnswerPart.Whole(head);
        }
        catch (FormatException e)
        {
            throw daemon.Malformed(e.Message, e);
        }
    }

    /// <summary>Whether the answer was read to its end, including bytes that the client did not get.</summary>
    public bool IsComplete => _body.IsAtEnd;

    /// <summary>Sets the client's head.</summary>
    public void PassHead()
    {
        HttpResponse response = _context.Response;
        response.StatusCode = _part.Status;
        foreach (string name in Answered)
        {
            if (_head.Fields.First(name) is { } value)
            {
                response.Headers[name] = value;
            }
        }

        response.Headers.CacheControl = NoCache;
        response.Headers.ContentRange = _part.ContentRange;
        response.Headers.Allow = _request.AllowedMethods ?? response.Headers.Allow;
        if (_part.Status != _head.Status && _part.Length == 0)
        {
            // The daemon's error text says that the empty image has no such range.
            response.ContentType = "application/octet-stream";
        }

        if (_head.ClosesConnection || RequestBody.MayBeUnread(_context))
        {
            // As the daemon's own answer does without a forwarder. The client's body may also still be arriving.
            response.Headers.Connection = "close";
        }
    }

    /// <summary>Passes the body on, to its end or its limit.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.ClientDisconnected"/>, or a failure of the daemon.
    /// </exception>
    public async Task PassBodyAsync(CancellationToken cancellationToken)
    {
        HttpResponse response = _context.Response;
        if (_request.ReadAnswer is { } read && _part.Status == StatusCodes.Status200OK)
        {
            await read(_body, cancellationToken);
            return;
        }

        response.ContentLength = _part.Length;
        if (_request.CountsBody && HttpMethods.IsGet(_context.Request.Method))
        {
            _request.Progress.Length = _part.Length;
        }

        if (!_body.IsAtEnd && _part.Limit > 0)
        {
            await CopyAsync(cancellationToken);
        }
    }

    private async Task CopyAsync(CancellationToken cancellationToken)
    {
        Stream client = Answer.ToClient(_context);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            long done = 0;
            int read;
            while (done < _part.Limit
                && (read = await _body.ReadAsync(Room(buffer, _part.Limit - done), cancellationToken)) > 0)
            {
                await client.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                done += read;
                if (_request.CountsBody)
                {
                    _request.Progress.Add(read);
                }
            }

            if (done < _part.Length)
            {
                // A chunked or unframed body with fewer bytes than its Content-Range states.
                throw _daemon.Truncated("body");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static Memory<byte> Room(byte[] buffer, long most) =>
        buffer.AsMemory(0, (int)Math.Min(BufferSize, most));
}
