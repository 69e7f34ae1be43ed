using ImageIO.Core.Operations;

namespace ImageIO.Tests.Support;

/// <summary>
/// A client that downloads and stalls where a test wants, on a stream whose writes can be interrupted, as those to a
/// real connection can.
/// </summary>
/// <param name="stallsAt">Bytes that it takes before it stalls.</param>
internal sealed class StallingClient(int stallsAt) : Stream, IInterruptibleStream
{
    private readonly MemoryStream _received = new();
    private readonly TaskCompletionSource _goesOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stalls = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _interrupted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when it has stalled.</summary>
    public Task Stalls => _stalls.Task;

    public byte[] Received => _received.ToArray();

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _received.Length;

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public async ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        int room = _goesOn.Task.IsCompleted ? bytes.Length : stallsAt - (int)_received.Length;
        int taken = Math.Min(room, bytes.Length);
        _received.Write(bytes.Span[..taken]);
        if (taken == bytes.Length)
        {
            return taken;
        }

        Task interrupted = _interrupted.Task;
        _stalls.TrySetResult();
        await Task.WhenAny(_goesOn.Task, interrupted).WaitAsync(cancellationToken);
        if (interrupted.IsCompleted)
        {
            _interrupted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return taken;
        }

        _received.Write(bytes.Span[taken..]);
        return bytes.Length;
    }

    public void Interrupt() => _interrupted.TrySetResult();

    /// <summary>Lets it take the remaining bytes.</summary>
    public void GoOn() => _goesOn.SetResult();

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Blocks the thread.");
}
