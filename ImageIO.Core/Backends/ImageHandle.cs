using System.Numerics;
using System.Runtime.CompilerServices;
using ImageIO.Core.Buffers;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Core.Backends;

/// <summary>A handle on an open image, shared by the connections of one ticket. Thread-safe.</summary>
/// <remarks>
/// All access to a backend goes through this type. Its methods can be awaited on any thread. They call the backend on a
/// storage thread, and at most as often at once as the backend declared. This part has the image's properties and its
/// end, the other part the calls of operations.
/// </remarks>
public sealed partial class ImageHandle : IAsyncDisposable
{
    private readonly IBackend _backend;
    private readonly CallsUnderWay _calls = new();
    private readonly SemaphoreSlim? _readers;
    private readonly SemaphoreSlim? _writers;
    private readonly UnflushedWrites _unflushed;
    private readonly Action? _closed;
    private readonly TransferMeter? _meter;
    private readonly ILogger _logger;
    private long _knownSize;

    /// <exception cref="InvalidOperationException">The backend's block size is impossible.</exception>
    internal ImageHandle(
        IBackend backend,
        string backendName,
        RingSettings ring,
        BufferPool pool,
        SharedImage shared,
        Action? closed = null,
        TransferMeter? meter = null,
        ILogger? logger = null)
    {
        if (!Alignment.IsBlockSize(backend.BlockSize))
        {
            throw new InvalidOperationException(
                $"Backend {backendName} has block size {backend.BlockSize}; it must be a power of two up to 65536.");
        }

        if (!BitOperations.IsPow2(backend.PreferredBlockSize) || backend.PreferredBlockSize < backend.BlockSize)
        {
            throw new InvalidOperationException(
                $"Backend {backendName} has preferred block size {backend.PreferredBlockSize}; it must be a "
                    + $"power of two, "
                + $"{backend.BlockSize} (the block size) or more.");
        }

        _backend = backend;
        _closed = closed;
        _meter = meter;
        _logger = logger ?? NullLogger.Instance;
        BackendName = backendName;
        Ring = ring.BufferSize % BlockSize == 0
            ? ring
            : new RingSettings((int)Alignment.Up(ring.BufferSize, BlockSize), ring.QueueDepth);
        Pool = pool;
        Shared = shared;
        _knownSize = backend.Size;
        _readers = Gate(Capabilities.MaxReaders);
        _writers = Gate(Capabilities.MaxWriters);
        _unflushed = shared.Flushes.Opened();
    }

    /// <summary>Name of the factory.</summary>
    public string BackendName { get; }

    /// <summary>Number and size of an operation's buffers, which hold whole blocks.</summary>
    public RingSettings Ring { get; }

    /// <summary>
    /// Size in bytes when the storage was last asked, so that the caller need not wait for it. A backend that never
    /// blocks is asked again.
    /// </summary>
    public long KnownSize => _backend.MayBlock ? Interlocked.Read(ref _knownSize) : _backend.Size;

    /// <inheritdoc cref="IBackend.BlockSize" />
    public int BlockSize => _backend.BlockSize;

    /// <inheritdoc cref="IBackend.PreferredBlockSize" />
    internal int PreferredBlockSize => _backend.PreferredBlockSize;

    /// <inheritdoc cref="IBackend.Capabilities" />
    public BackendCapabilities Capabilities => _backend.Capabilities;

    /// <summary>The buffers of operations.</summary>
    internal BufferPool Pool { get; }

    /// <summary>State that it shares with all handles on the image.</summary>
    internal SharedImage Shared { get; }

    /// <summary>Locks on blocks, shared by all tickets that have this image open.</summary>
    internal RangeLock Locks => Shared.Locks;

    /// <summary>Asks the storage for the size of the image in bytes.</summary>
    /// <param name="cancellationToken">Ends the wait for a storage thread.</param>
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>: the image was
    /// closed.</exception>
    public ValueTask<long> GetSizeAsync(CancellationToken cancellationToken = default)
    {
        _calls.Enter();
        return !_backend.MayBlock || StorageThread.SwitchAsync(Shared.Threads, cancellationToken).IsCompleted
            ? ValueTask.FromResult(AskSize())
            : new ValueTask<long>(new SizeCall(Shared.Threads, AskSize, _calls.Leave, cancellationToken), 0);
    }

    /// <inheritdoc cref="IBackend.GetExtentsAsync" />
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>: the image was
    /// closed.</exception>
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // The whole enumeration counts as one call, because the backend may hold resources between two extents.
        _calls.Enter();
        try
        {
            IAsyncEnumerator<Extent> extents =
                _backend.GetExtentsAsync(context, cancellationToken).GetAsyncEnumerator(cancellationToken);
            try
            {
                while (await MoveNextAsync(extents, cancellationToken))
                {
                    yield return extents.Current;
                }
            }
            finally
            {
                await HopAsync(CancellationToken.None);
                await extents.DisposeAsync();
            }
        }
        finally
        {
            _calls.Leave();
        }
    }

    /// <summary>Refuses further calls, waits for the running ones, and closes the backend.</summary>
    /// <exception cref="TransferException">The storage reported a failure while closing.</exception>
    public async ValueTask DisposeAsync()
    {
        await _calls.EndAsync();
        await HopAsync(CancellationToken.None);
        bool isDurable = false;
        try
        {
            await _backend.DisposeAsync();

            // No later flush can cover its writes, so closing has flushed them.
            isDurable = !Capabilities.FlushCoversAllHandles;
        }
        catch (TransferException e)
        {
            Shared.Flushes.CloseFailed(_unflushed);
            Log.CloseFailed(_logger, BackendName, e.Message);
            throw;
        }
        finally
        {
            Shared.Flushes.Closed(_unflushed, isDurable);
            _closed?.Invoke();
        }
    }

    private long AskSize()
    {
        try
        {
            long size = _backend.Size;
            Interlocked.Exchange(ref _knownSize, size);
            return size;
        }
        finally
        {
            _calls.Leave();
        }
    }

    // Even for a backend that does not block, because a million extents would keep the threads of sockets busy.
    private async ValueTask<bool> MoveNextAsync(IAsyncEnumerator<Extent> extents, CancellationToken cancellationToken)
    {
        await ToStorageThreadAsync(cancellationToken);
        return await extents.MoveNextAsync();
    }

    private static partial class Log
    {
        [LoggerMessage(26, LogLevel.Warning, "An image of the {Backend} backend failed to close: {Failure}")]
        public static partial void CloseFailed(ILogger logger, string backend, string failure);
    }
}
