using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Support;

/// <summary>A backend whose calls fail, or stand still, at the moment that a test chose. Counts all calls.</summary>
internal sealed class FaultyBackend(IBackend inner) : IBackend
{
    private readonly Lock _lock = new();
    private readonly Dictionary<BackendCall, int> _calls = [];
    private readonly Dictionary<(BackendCall, int), TransferException> _failures = [];
    private readonly Dictionary<(BackendCall, int), Held> _held = [];

    public long Size => inner.Size;

    public int BlockSize => inner.BlockSize;

    public int PreferredBlockSize => inner.PreferredBlockSize;

    public bool MayBlock => inner.MayBlock;

    public BackendCapabilities Capabilities => inner.Capabilities;

    /// <summary>Calls that came on a thread that is not for storage.</summary>
    public int CallsOnOtherThreads { get; private set; }

    /// <summary>Holds disposal. Null: it runs.</summary>
    public Held? Closing { get; set; }

    /// <summary>How disposing ends, if not well.</summary>
    public TransferException? CloseFailure { get; set; }

    public int Count(BackendCall call)
    {
        lock (_lock)
        {
            return _calls.GetValueOrDefault(call);
        }
    }

    /// <summary>The n-th call of a kind, counted from 1, fails.</summary>
    public void Fail(BackendCall call, int nth, TransferError error = TransferError.StorageFailed) =>
        _failures[(call, nth)] = new TransferException(error, $"{call} {nth} fails for a test");

    /// <summary>Holds the n-th call of a kind, counted from 1, before it does anything.</summary>
    public Held Hold(BackendCall call, int nth) => _held[(call, nth)] = new Held();

    public async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        await EnterAsync(BackendCall.Read);
        await inner.ReadAsync(destination, offset, cancellationToken);
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        await EnterAsync(BackendCall.Write);
        await inner.WriteAsync(source, offset, cancellationToken);
    }

    public async ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        await EnterAsync(BackendCall.Zero);
        return await inner.ZeroAsync(offset, length, mode, cancellationToken);
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        await EnterAsync(BackendCall.Flush);
        await inner.FlushAsync(cancellationToken);
    }

    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        NoteThread();
        await foreach (Extent extent in inner.GetExtentsAsync(context, cancellationToken))
        {
            yield return extent;
            NoteThread();
        }
    }

    public async ValueTask DisposeAsync()
    {
        NoteThread();
        if (Closing is not null)
        {
            await Closing.StandAsync();
        }

        await inner.DisposeAsync();
        if (CloseFailure is not null)
        {
            throw CloseFailure;
        }
    }

    private void NoteThread() => CallsOnOtherThreads +=
        TestThreads.IsOne ? 0 : 1;

    private async Task EnterAsync(BackendCall call)
    {
        Held? held;
        TransferException? failure;
        lock (_lock)
        {
            int nth = _calls[call] = _calls.GetValueOrDefault(call) + 1;
            NoteThread();
            held = _held.GetValueOrDefault((call, nth));
            failure = _failures.GetValueOrDefault((call, nth));
        }

        if (held is not null)
        {
            await held.StandAsync();
        }

        if (failure is not null)
        {
            throw failure;
        }
    }
}
