using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageIO.Http.Listeners;
using ImageIO.Http.Listeners.Sockets;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Messages;

/// <summary>
/// A response's body, sent from where its writer has it: the memory of each larger write is lent to the connection. The
/// server's own stream copies it into blocks of its own first.
/// </summary>
internal sealed class DirectResponseStream : AsyncStream
{
    // A copy of less is cheaper than sending the head, which comes first, by itself.
    private const int SmallestLoan = 64 * 1024;

    private readonly HttpResponse _response;
    private readonly Stream _body;
    private readonly PipeWriter _server;
    private readonly DirectWriter _connection;

    private DirectResponseStream(HttpResponse response, DirectWriter connection)
    {
        _response = response;
        _body = response.Body;
        _server = response.BodyWriter;
        _connection = connection;
    }

    /// <inheritdoc />
    public override bool CanWrite => true;

    /// <summary>The body of a response; as the server gives it, where the connection takes no loans.</summary>
    public static Stream Of(HttpContext context) => context.Features.Get<DirectWriter>() is { } writer
        ? new DirectResponseStream(context.Response, writer)
        : context.Response.Body;

    /// <inheritdoc />
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        // Chunks are framed by the server, in its own memory.
        buffer.Length >= SmallestLoan && _response.ContentLength is not null
            ? WriteDirectlyAsync(buffer, cancellationToken)
            : _body.WriteAsync(buffer, cancellationToken);

    /// <inheritdoc />
    public override Task FlushAsync(CancellationToken cancellationToken) => _body.FlushAsync(cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteDirectlyAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        if (!_response.HasStarted)
        {
            await _response.StartAsync(cancellationToken);
        }

        _connection.Lend(buffer);
        try
        {
            Memory<byte> room = _server.GetMemory(buffer.Length);
            if (!Unsafe.AreSame(ref MemoryMarshal.GetReference(room.Span), ref MemoryMarshal.GetReference(buffer.Span)))
            {
                // The server has something else in mind: the request is aborted, say.
                buffer.CopyTo(room);
            }

            _server.Advance(buffer.Length);
            if ((await _server.FlushAsync(cancellationToken)).IsCanceled)
            {
                throw new OperationCanceledException("The write was canceled");
            }
        }
        finally
        {
            _connection.TakeBack();
        }
    }
}
