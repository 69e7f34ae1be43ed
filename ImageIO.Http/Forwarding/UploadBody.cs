using System.IO.Pipelines;
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
    private readonly ForwardProgress _progress;
    private volatile bool _isStopped;

    /// <summary>Takes a request's body.</summary>
    public UploadBody(HttpContext context, ForwardProgress progress)
    {
        _progress = progress;
        _context = context;
        _client = RequestBody.ImageData(context);
        _reader = context.Request.BodyReader;
    }

    /// <inheritdoc />
    public override bool CanRead => true;

    /// <summary>Ends reading: a read that waits for the client fails, and so does every later one.</summary>
    public void Stop()
    {
        _isStopped = true;
        _reader.CancelPendingRead();
    }

    /// <inheritdoc />
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isStopped)
        {
            throw new OperationCanceledException("The daemon has answered and wants no more of the body");
        }

        int read = await _client.ReadAsync(buffer, cancellationToken);
        _progress.Add(read);
        if (read == 0)
        {
            RequestBody.MarkRead(_context);
        }

        return read;
    }
}
