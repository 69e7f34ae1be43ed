using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageIO.Core.Errors;
using ImageIO.Transport.Sockets;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Messages;

/// <summary>
/// A response's body that lends the memory of each larger write to the connection. The server's own stream copies it
/// first,
/// and does not fail when the client has disconnected; this one does.
/// </summary>
internal sealed class DirectResponseStream : AsyncStream
{
    // Copying less is cheaper than sending the head, which comes first, on its own.
    private const int SmallestFirstLoan = 64 * 1024;

    // Copying less costs nothing beside the system call that sends it.
    private const int SmallestLoan = 4 * 1024;

    private readonly HttpResponse _response;
    private readonly PipeWriter _server;

    // Null: the connection does not borrow memory.
    private readonly LendingWriter? _connection;

    private DirectResponseStream(HttpResponse response, LendingWriter? connection)
    {
        _response = response;
        _server = response.BodyWriter;
        _connection = connection;
    }

    /// <inheritdoc />
    public override bool CanWrite => true;

    /// <summary>The body of a response.</summary>
    public static Stream Of(HttpContext context) =>
        new DirectResponseStream(context.Response, context.Features.Get<LendingWriter>());

    /// <inheritdoc />
    /// <exception cref="TransferException"><see cref="TransferError.ClientDisconnected"/>.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        // The server frames chunks in its own memory.
        _connection is not null && _response.ContentLength is not null
            && buffer.Length >= (_response.HasStarted ? SmallestLoan : SmallestFirstLoan)
            ? WriteDirectlyAsync(_connection, buffer, cancellationToken)
            : CopyAsync(buffer, cancellationToken);

    /// <inheritdoc />
    public override async Task FlushAsync(CancellationToken cancellationToken) =>
        Check(await _server.FlushAsync(cancellationToken));

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask CopyAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken) =>
        Check(await _server.WriteAsync(buffer, cancellationToken));

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteDirectlyAsync(
        LendingWriter connection, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        if (!_response.HasStarted)
        {
            await _response.StartAsync(cancellationToken);
        }

        connection.Lend(buffer);
        try
        {
            Memory<byte> room = _server.GetMemory(buffer.Length);
            if (!Unsafe.AreSame(ref MemoryMarshal.GetReference(room.Span), ref MemoryMarshal.GetReference(buffer.Span)))
            {
                // The server has no room to lend, for example because the request is aborted.
                buffer.CopyTo(room);
            }

            _server.Advance(buffer.Length);
            Check(await _server.FlushAsync(cancellationToken));
        }
        finally
        {
            connection.TakeBack();
        }
    }

    private static void Check(FlushResult flushed)
    {
        if (flushed.IsCompleted)
        {
            throw new TransferException(TransferError.ClientDisconnected, "The client has left and takes no more of the answer");
        }

        if (flushed.IsCanceled)
        {
            throw new OperationCanceledException("The write was canceled");
        }
    }
}
