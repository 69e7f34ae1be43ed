using System.IO.Pipelines;
using ImageIO.Core.Errors;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>A client's request body on its way to a daemon: counted, and stopped when the daemon wants no more of it.</summary>
internal sealed class UploadBody : AsyncStream
{
    private readonly HttpContext _context;
    private readonly Stream _client;
    private readonly PipeReader _reader;
    private readonly ForwardRequest _request;
    private long _done;
    private volatile bool _isStopped;

    /// <summary>Takes a request's body.</summary>
    public UploadBody(HttpContext context, ForwardRequest request)
    {
        _request = request;
        _context = context;
        _client = RequestBody.ImageData(context);
        _reader = context.Request.BodyReader;
    }

    /// <inheritdoc />
    public override bool CanRead => true;

    /// <summary>Whether reading was ended because the daemon has answered.</summary>
    public bool IsStopped => _isStopped;

    /// <summary>Ends reading: a read that waits for the client fails, and so does every later one.</summary>
    public void Stop()
    {
        _isStopped = true;
        _reader.CancelPendingRead();
    }

    /// <inheritdoc />
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfStopped();
        int read = await _client.ReadAsync(buffer, cancellationToken);
        // The server may give an interrupted read for the end of the body, which it is not.
        ThrowIfStopped();
        _done += read;
        if (_done > _request.UploadLimit)
        {
            throw new TransferException(
                TransferError.RangeNotSatisfiable, $"The request's body is out of bounds, at most {_request.UploadLimit} bytes may follow");
        }

        if (_request.CountsBody)
        {
            _request.Progress.Add(read);
        }

        // A read of no bytes only waits for some. The last byte is the end, too: the daemon may answer, and end reading,
        // before anybody asks whether there is more.
        if ((read == 0 && !buffer.IsEmpty) || _done == _context.Request.ContentLength)
        {
            RequestBody.MarkRead(_context);
        }

        return read;
    }

    private void ThrowIfStopped()
    {
        if (_isStopped)
        {
            throw new OperationCanceledException("The daemon has answered and wants no more of the body");
        }
    }
}
