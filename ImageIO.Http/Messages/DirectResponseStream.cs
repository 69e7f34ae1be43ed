using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Transport.Sockets;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Messages;

/// <summary>
/// A response's body that lends the memory of each larger write to the connection. The server's own stream copies it
/// first, and does not fail when the client has disconnected; this one does.
/// </summary>
internal sealed class DirectResponseStream : AsyncStream, IInterruptibleStream
{
    // Copying less is cheaper than sending the head, which comes first, on its own.
    private const int SmallestFirstLoan = 64 * 1024;

    // Copying less costs nothing beside the system call that sends it.
    private const int SmallestLoan = 4 * 1024;

    private readonly HttpResponse _response;
    private readonly PipeWriter _server;

    // Null: the connection does not borrow memory.
    private readonly LendingWriter? _connection;

    private readonly Lock _lock = new();

    // The server's own sending, which waits for the client without memory of ours. Null: none.
    private Task? _flushing;

    // Completed by an interruption. Exists only while something waits that can be interrupted. Guarded by the lock.
    private TaskCompletionSource? _interruption;

    // An interruption that came while nothing waited: the next wait ends at once. Guarded by the lock.
    private bool _isInterrupted;

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
    /// <exception cref="TransferException"><see cref="TransferError.ClientDisconnected"/>.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (bytes.IsEmpty)
        {
            await SendRestAsync(cancellationToken);
            return 0;
        }

        if (_flushing is not null && !await IsFlushedAsync())
        {
            return 0;
        }

        if (_connection is null
            || _response.ContentLength is null
            || (!_response.HasStarted && bytes.Length < SmallestFirstLoan))
        {
            // Copied at once: what waits for the client then is the server's.
            await StartFlushAsync(CopyAsync(bytes, cancellationToken));
            return bytes.Length;
        }

        if (!_response.HasStarted)
        {
            await _response.StartAsync(cancellationToken);
        }

        if (_connection.UnflushedBytes > 0
            && !await StartFlushAsync(new ValueTask(FlushAsync(cancellationToken))))
        {
            return 0;
        }

        int sent = await _connection.SendAsync(bytes, cancellationToken);
        if (sent > 0)
        {
            await CountAsync(_connection, bytes[..sent], areSent: true, cancellationToken);
        }

        return sent;
    }

    /// <inheritdoc />
    public void Interrupt()
    {
        lock (_lock)
        {
            _isInterrupted = _interruption?.TrySetResult() != true;
        }

        _connection?.InterruptSend();
    }

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

        await CountAsync(connection, buffer, areSent: false, cancellationToken);
    }

    // Hands the server bytes in their own memory, and flushes them.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask CountAsync(
        LendingWriter connection, ReadOnlyMemory<byte> buffer, bool areSent, CancellationToken cancellationToken)
    {
        connection.Lend(buffer, areSent);
        try
        {
            Memory<byte> room = _server.GetMemory(buffer.Length);
            if (!Unsafe.AreSame(ref MemoryMarshal.GetReference(room.Span), ref MemoryMarshal.GetReference(buffer.Span)))
            {
                if (areSent)
                {
                    // It would send them again.
                    _response.HttpContext.Abort();
                    throw new IOException("The server has given up the response");
                }

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

    private async ValueTask SendRestAsync(CancellationToken cancellationToken)
    {
        if (_flushing is { } flushing)
        {
            _flushing = null;
            await flushing;
        }

        if (_connection is not null)
        {
            await _connection.SendRestAsync(cancellationToken);
        }
    }

    // Whether it is done. False: it was interrupted, and continues by itself.
    private ValueTask<bool> StartFlushAsync(ValueTask flush)
    {
        if (flush.IsCompleted)
        {
            flush.GetAwaiter().GetResult();
            return ValueTask.FromResult(true);
        }

        _flushing = flush.AsTask();
        return IsFlushedAsync();
    }

    private async ValueTask<bool> IsFlushedAsync()
    {
        Task flushing = _flushing!;
        Task interruption;
        lock (_lock)
        {
            if (_isInterrupted)
            {
                _isInterrupted = false;
                return false;
            }

            _interruption = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            interruption = _interruption.Task;
        }

        await Task.WhenAny(flushing, interruption);
        lock (_lock)
        {
            _interruption = null;
        }

        if (!flushing.IsCompleted)
        {
            return false;
        }

        _flushing = null;
        await flushing;
        return true;
    }

    private static void Check(FlushResult flushed)
    {
        if (flushed.IsCompleted)
        {
            throw new TransferException(
                TransferError.ClientDisconnected, "The client has left and takes no more of the answer");
        }

        if (flushed.IsCanceled)
        {
            throw new OperationCanceledException("The write was canceled");
        }
    }
}
