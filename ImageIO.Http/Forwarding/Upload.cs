using System.Buffers;
using System.IO.Pipelines;
using ImageIO.Core.Errors;
using ImageIO.Http.Heads;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>Sends the body of a client's request to the daemon, from the blocks that received it.</summary>
internal sealed class Upload
{
    // "7fffffff" and a line end.
    private const int LongestChunkLine = 10;

    private static readonly byte[] LineEnd = "\r\n"u8.ToArray();
    private static readonly byte[] LastChunk = "0\r\n\r\n"u8.ToArray();

    private readonly HttpContext _context;
    private readonly ClientConnection _client;
    private readonly PipeReader _body;
    private readonly UpstreamConnection _daemon;
    private readonly ForwardRequest _request;
    private readonly long? _length;
    private long _done;
    private volatile bool _isRead;
    private Task _sending = Task.CompletedTask;

    /// <summary>Takes a request's body.</summary>
    public Upload(HttpContext context, ForwardRequest request, UpstreamConnection daemon)
    {
        _context = context;
        _client = ClientConnection.Of(context);
        _body = context.Request.BodyReader;
        _daemon = daemon;
        _request = request;
        _length = context.Request.ContentLength;
        if (request.CountsBody)
        {
            request.Progress.Length = _length;
        }
    }

    /// <summary>Whether the whole body was sent.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Starts to send the body.</summary>
    /// <returns>Completes when all is sent. Fails by the side that broke off.</returns>
    public Task Start(CancellationToken cancellationToken) => _sending = SendAsync(cancellationToken);

    /// <summary>Stops reading from the client and waits for the end. Close the daemon's connection first.</summary>
    public async ValueTask StopAsync()
    {
        if (!_sending.IsCompleted && !_isRead)
        {
            _body.CancelPendingRead();
        }

        await _sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        while (!_isRead)
        {
            ReadResult read = await ReadAsync(cancellationToken);
            if (read.IsCanceled)
            {
                _body.AdvanceTo(read.Buffer.Start);
                throw new OperationCanceledException("The daemon answered before the end of the request's body");
            }

            try
            {
                Count(read.Buffer.Length);
                if (read.IsCompleted || _done == _length)
                {
                    // Set before the last byte is sent, because the answer may come, and be passed on, at once.
                    _isRead = true;
                    RequestBody.MarkRead(_context);
                }

                foreach (ReadOnlyMemory<byte> part in read.Buffer)
                {
                    await SendAsync(part, cancellationToken);
                }
            }
            finally
            {
                _body.AdvanceTo(read.Buffer.End);
            }
        }

        if (_length is null)
        {
            await _daemon.WriteAsync(LastChunk, cancellationToken);
        }

        IsComplete = true;
    }

    private async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken)
    {
        ValueTask<ReadResult> read = _body.ReadAsync(cancellationToken);
        bool waits = !read.IsCompleted;
        if (waits)
        {
            _client.ClientWaitStarts();
        }

        try
        {
            return await read;
        }
        catch (IOException e)
        {
            throw RequestBody.Broken(_context, e, _done);
        }
        finally
        {
            if (waits)
            {
                _client.ClientWaitEnds();
            }
        }
    }

    private void Count(long bytes)
    {
        _done += bytes;
        if (_done > _request.UploadLimit)
        {
            throw new TransferException(
                TransferError.RangeNotSatisfiable,
                $"The request's body is too long, at most {_request.UploadLimit} bytes may follow");
        }

        if (_request.CountsBody)
        {
            _request.Progress.Add(bytes);
        }
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        if (_length is not null)
        {
            await _daemon.WriteAsync(bytes, cancellationToken);
            return;
        }

        // In one piece, because each write becomes at least one TLS record and one packet.
        byte[] chunk = ArrayPool<byte>.Shared.Rent(LongestChunkLine + bytes.Length + LineEnd.Length);
        try
        {
            int start = ChunkLine.Write(bytes.Length, chunk);
            bytes.CopyTo(chunk.AsMemory(start));
            LineEnd.CopyTo(chunk, start + bytes.Length);
            await _daemon.WriteAsync(chunk.AsMemory(0, start + bytes.Length + LineEnd.Length), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
