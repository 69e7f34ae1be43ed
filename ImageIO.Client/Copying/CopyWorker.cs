using ImageIO.Client.Transport;
using ImageIO.Core.Buffers;
using ImageIO.Formats;

namespace ImageIO.Client.Copying;

/// <summary>
/// One worker's connection, request size and attempts, for uploads and downloads. Used by one task.
/// </summary>
internal sealed class CopyWorker : IAsyncDisposable
{
    private const int RingBuffers = 4;
    private const int SmallestUnit = 1024 * 1024;

    private readonly CopyRun _run;
    private readonly RetryCounter _retries;
    private ImageConnection? _connection;

    public CopyWorker(CopyRun run, int number, int buffers)
    {
        _run = run;
        Number = number;
        _retries = new RetryCounter(run.Options, run.Meter, run.Client.Options.Time);
        BufferLength = (int)Math.Clamp(BitDown(run.Options.BufferSize / RingBuffers), ZeroScan.Grain, Segment.Block);
        Buffers = [.. Enumerable.Range(0, buffers).Select(_ => AlignedMemory.Allocate(BufferLength))];
        Unit = Window;
    }

    public int Number { get; }

    /// <summary>Bytes of a buffer, a power of two.</summary>
    public int BufferLength { get; }

    public Memory<byte>[] Buffers { get; }

    /// <summary>Bytes that are scanned for zeroes before they are sent.</summary>
    public int Window => BufferLength * RingBuffers;

    /// <summary>Bytes of the next request. Fewer after a failure, so that some requests succeed even over a bad
    /// network.</summary>
    public long Unit { get; private set; }

    /// <summary>Called for each connection after the first, before it is used.</summary>
    public Func<ImageConnection, CancellationToken, Task>? Reconnected { get; init; }

    /// <summary>A request succeeded, so the next one may be larger.</summary>
    public void Succeeded() => Unit = Math.Min(Unit * 2, Segment.MostData);

    /// <summary>Limits requests to the scanned window, because zeroes were sent as data.</summary>
    public void KeepSmall() => Unit = Math.Min(Unit, Window);

    /// <summary>The connection, opened if there is none.</summary>
    public async ValueTask<ImageConnection> ConnectionAsync(CancellationToken cancellationToken)
    {
        if (_connection is null)
        {
            ImageConnection connection = await _run.Client.ConnectAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (Reconnected is { } reconnected)
                {
                    await reconnected(connection, cancellationToken).ConfigureAwait(false);
                }
            }
            catch
            {
                await connection.DisposeAsync().ConfigureAwait(false);
                throw;
            }

            _connection = connection;
        }

        return _connection;
    }

    /// <summary>Closes the connection after a failure and waits. Throws if there is no further attempt.</summary>
    public async Task RecoverAsync(ExchangeException failure, CancellationToken cancellationToken)
    {
        await DropAsync().ConfigureAwait(false);
        if (failure.Failure == ExchangeFailure.Broken)
        {
            Unit = Math.Max(SmallestUnit, Unit / 2);
        }

        await _retries.WaitAsync(failure, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes the connection.</summary>
    public async ValueTask DropAsync()
    {
        if (_connection is not null)
        {
            await _connection.DisposeAsync().ConfigureAwait(false);
            _connection = null;
        }
    }

    /// <summary>End of a request that starts at a position, such that blocks of the checksum stay whole.</summary>
    public long UnitEnd(long position, long end)
    {
        long limit = Math.Min(end, position + Unit);
        long aligned = Alignment.Down(limit, (int)Math.Min(BitDown(Unit), Segment.Block));
        return limit == end || aligned <= position ? limit : aligned;
    }

    public ValueTask DisposeAsync() => DropAsync();

    private static long BitDown(long value) => 1L << System.Numerics.BitOperations.Log2((ulong)value);
}
