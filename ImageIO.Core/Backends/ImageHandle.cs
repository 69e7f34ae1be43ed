using System.Diagnostics;
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
/// All access to a backend goes through this type. Its methods can be awaited on any thread: they call the backend on a
/// thread for storage, and never more often at once than the backend declared.
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
    private readonly IStorageThreads _threads;
    private readonly ILogger _logger;
    private long _knownSize;

    /// <exception cref="InvalidOperationException">The backend's block size is impossible.</exception>
    internal ImageHandle(
        IBackend backend,
        string backendName,
        RingSettings ring,
        BufferPool pool,
        SharedImage shared,
        IStorageThreads threads,
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
                $"Backend {backendName} has preferred block size {backend.PreferredBlockSize}; it must be a power of two, "
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
        _threads = threads;
        _knownSize = backend.Size;
        _readers = Gate(Capabilities.MaxReaders);
        _writers = Gate(Capabilities.MaxWriters);
        _unflushed = shared.Flushes.Opened();
    }

    /// <summary>Name of the factory that opened it.</summary>
    public string BackendName { get; }

    /// <summary>How operations move its bytes; buffers hold whole blocks.</summary>
    public RingSettings Ring { get; }

    /// <summary>
    /// Size in bytes when the image was opened or last asked for it. The size itself, if the image cannot grow. Never
    /// waits for the storage.
    /// </summary>
    public long KnownSize => Interlocked.Read(ref _knownSize);

    /// <summary>Bytes that the backend's offsets and lengths are multiples of.</summary>
    public int BlockSize => _backend.BlockSize;

    /// <inheritdoc cref="IBackend.PreferredBlockSize" />
    internal int PreferredBlockSize => _backend.PreferredBlockSize;

    /// <summary>What the backend offers.</summary>
    public BackendCapabilities Capabilities => _backend.Capabilities;

    /// <summary>Where operations get their buffers.</summary>
    internal BufferPool Pool { get; }

    /// <summary>What this handle has in common with all others on the image.</summary>
    internal SharedImage Shared { get; }

    /// <summary>Locks on blocks, shared by all tickets that have this image open.</summary>
    internal RangeLock Locks => Shared.Locks;

    /// <summary>Asks the storage for the size of the image in bytes.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>: it was closed meanwhile.</exception>
    public async ValueTask<long> GetSizeAsync()
    {
        _calls.Enter();
        try
        {
            await HopAsync();
            long size = _backend.Size;
            Interlocked.Exchange(ref _knownSize, size);
            return size;
        }
        finally
        {
            _calls.Leave();
        }
    }

    /// <inheritdoc cref="IBackend.GetExtentsAsync" />
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>: it was closed meanwhile.</exception>
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // The whole enumeration is one call: the backend may hold something for it between two extents.
        _calls.Enter();
        try
        {
            IAsyncEnumerator<Extent> extents =
                _backend.GetExtentsAsync(context, cancellationToken).GetAsyncEnumerator(cancellationToken);
            try
            {
                while (await MoveNextAsync(extents))
                {
                    yield return extents.Current;
                }
            }
            finally
            {
                await HopAsync();
                await extents.DisposeAsync();
            }
        }
        finally
        {
            _calls.Leave();
        }
    }

    /// <summary>Refuses further calls, waits for those under way, and closes the backend.</summary>
    /// <exception cref="TransferException">The storage reported a failure as it closed.</exception>
    public async ValueTask DisposeAsync()
    {
        await _calls.EndAsync();
        await HopAsync();
        try
        {
            await _backend.DisposeAsync();
        }
        catch (TransferException e)
        {
            Shared.Flushes.CloseFailed(_unflushed);
            Log.CloseFailed(_logger, BackendName, e.Message);
            throw;
        }
        finally
        {
            Shared.Flushes.Closed(_unflushed);
            _closed?.Invoke();
        }
    }

    // Also where the backend does not block: a million extents are work enough to keep off the threads of sockets.
    private async ValueTask<bool> MoveNextAsync(IAsyncEnumerator<Extent> extents)
    {
        await StorageThread.SwitchAsync(_threads);
        return await extents.MoveNextAsync();
    }

    /// <summary>Fails when the image was opened in a way that it cannot be written.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.NotSupported"/>.</exception>
    internal void RequireWrite()
    {
        if (!Capabilities.CanWrite)
        {
            throw new TransferException(
                TransferError.NotSupported, $"The image is open for reading only, backend {BackendName} cannot write it");
        }
    }

    internal async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        Debug.Assert(Alignment.IsAligned(offset, BlockSize) && Alignment.IsAligned(destination.Length, BlockSize));
        await EnterAsync(_readers, cancellationToken);
        long started = 0;
        try
        {
            await HopAsync();
            started = CallStarts();
            await _backend.ReadAsync(destination, offset, cancellationToken);
        }
        finally
        {
            Leave("read", _readers, started);
        }
    }

    /// <summary>Writes whole blocks, or up to the end of the image.</summary>
    /// <param name="source">The blocks.</param>
    /// <param name="offset">Where they belong.</param>
    /// <param name="own">The client's bytes among them; others only complete a block, and were read for that.</param>
    /// <param name="cancellationToken">May end the write early.</param>
    internal async ValueTask WriteAsync(
        ReadOnlyMemory<byte> source, long offset, ByteRange own, CancellationToken cancellationToken)
    {
        Debug.Assert(Alignment.IsAligned(offset, BlockSize));
        await EnterAsync(_writers, cancellationToken);
        long started = 0;
        try
        {
            await HopAsync();
            int era = Shared.Flushes.WriteStarts(_unflushed, own);
            started = CallStarts();
            await _backend.WriteAsync(source, offset, cancellationToken);
            Shared.Flushes.WriteEnds(_unflushed, own, era);
        }
        finally
        {
            Leave("write", _writers, started);
        }
    }

    internal async ValueTask<bool> ZeroAsync(
        long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        if (!Capabilities.CanZero)
        {
            return false;
        }

        Debug.Assert(Alignment.IsAligned(offset, BlockSize));
        await EnterAsync(_writers, cancellationToken);
        long started = 0;
        try
        {
            await HopAsync();
            ByteRange range = ByteRange.At(offset, length);
            int era = Shared.Flushes.WriteStarts(_unflushed, range);
            started = CallStarts();
            if (!await _backend.ZeroAsync(offset, length, mode, cancellationToken))
            {
                return false;
            }

            Shared.Flushes.WriteEnds(_unflushed, range, era);
            return true;
        }
        finally
        {
            Leave("zero", _writers, started);
        }
    }

    /// <summary>Makes completed writes durable; fails as long as an earlier failure's data has not been written again.</summary>
    internal async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        await EnterAsync(gate: null, cancellationToken);
        long started = 0;
        try
        {
            await Shared.Flushes.FlushAsync(
                _unflushed,
                Capabilities.FlushCoversAllHandles,
                async () =>
                {
                    await HopAsync();
                    started = CallStarts();
                    // Never cancelled half-way: then nobody would know whether the storage reported an error.
                    await _backend.FlushAsync(CancellationToken.None);
                },
                cancellationToken);
        }
        finally
        {
            Leave("flush", gate: null, started);
        }
    }

    /// <summary>Starts work that consists of calls to this handle and runs beside the caller, who goes on at once.</summary>
    internal async Task StartAsync(Func<Task> work)
    {
        await (_backend.MayBlock ? StorageThread.ForkAsync(_threads) : StorageThread.Stay());
        await work();
    }

    private StorageThread HopAsync() =>
        _backend.MayBlock ? StorageThread.SwitchAsync(_threads) : StorageThread.Stay();

    private long CallStarts() => _meter is { WantsStorageDuration: true } ? Stopwatch.GetTimestamp() : 0;

    private static SemaphoreSlim? Gate(int limit) => limit == int.MaxValue ? null : new SemaphoreSlim(limit);

    // Before the hop: a call that waits for its turn must not hold a thread.
    private ValueTask EnterAsync(SemaphoreSlim? gate, CancellationToken cancellationToken)
    {
        _calls.Enter();
        return gate is null || gate.Wait(0, CancellationToken.None)
            ? ValueTask.CompletedTask
            : WaitForTurnAsync(gate, cancellationToken);
    }

    private async ValueTask WaitForTurnAsync(SemaphoreSlim gate, CancellationToken cancellationToken)
    {
        try
        {
            await gate.WaitAsync(cancellationToken);
        }
        catch
        {
            _calls.Leave();
            throw;
        }
    }

    private void Leave(string call, SemaphoreSlim? gate, long started)
    {
        if (started != 0)
        {
            _meter!.StorageCallEnded(call, BackendName, Stopwatch.GetElapsedTime(started));
        }

        gate?.Release();
        _calls.Leave();
    }

    private static partial class Log
    {
        [LoggerMessage(26, LogLevel.Warning, "An image of the {Backend} backend failed to close: {Failure}")]
        public static partial void CloseFailed(ILogger logger, string backend, string failure);
    }
}
