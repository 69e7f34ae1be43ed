using System.Diagnostics;
using ImageIO.Core.Buffers;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Backends;

public sealed partial class ImageHandle
{
    /// <summary>Throws if the image was opened for reading only.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.NotSupported"/>.</exception>
    internal void RequireWrite()
    {
        if (!Capabilities.CanWrite)
        {
            throw new TransferException(
                TransferError.NotSupported,
                $"The image is open for reading only, backend {BackendName} cannot write it");
        }
    }

    /// <summary>Reads whole blocks. Bytes at and past the end of the image read as zeroes.</summary>
    /// <param name="destination">Filled completely.</param>
    /// <param name="offset">Bytes from the image's start.</param>
    /// <param name="cancellationToken">Ends the wait for the call's turn and for a storage thread, but not the
    /// call.</param>
    internal async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        Debug.Assert(Alignment.IsAligned(offset, BlockSize) && Alignment.IsAligned(destination.Length, BlockSize));
        await EnterAsync(_readers, cancellationToken);
        long started = 0;
        Exception? failure = null;
        try
        {
            await HopAsync(cancellationToken);
            started = CallStarts();
            // Never cancelled, because the storage would still write into the buffer.
            await _backend.ReadAsync(destination, offset, CancellationToken.None);
        }
        catch (Exception e) when (Noted(e, out failure))
        {
            throw;
        }
        finally
        {
            Leave("read", _readers, started, failure);
        }
    }

    /// <summary>Writes whole blocks, or up to the end of the image.</summary>
    /// <param name="source">The blocks.</param>
    /// <param name="offset">Bytes from the image's start.</param>
    /// <param name="own">The client's bytes; the others were read to complete a block.</param>
    /// <param name="cancellationToken">Ends the wait for the call's turn and for a storage thread, but not the
    /// call.</param>
    internal async ValueTask WriteAsync(
        ReadOnlyMemory<byte> source, long offset, ByteRange own, CancellationToken cancellationToken)
    {
        Debug.Assert(Alignment.IsAligned(offset, BlockSize));
        await EnterAsync(_writers, cancellationToken);
        long started = 0;
        Exception? failure = null;
        try
        {
            await HopAsync(cancellationToken);
            int era = Shared.Flushes.WriteStarts(_unflushed, own);
            started = CallStarts();
            await _backend.WriteAsync(source, offset, CancellationToken.None);
            Shared.Flushes.WriteEnds(_unflushed, own, era);
        }
        catch (Exception e) when (Noted(e, out failure))
        {
            throw;
        }
        finally
        {
            Leave("write", _writers, started, failure);
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
        Exception? failure = null;
        try
        {
            await HopAsync(cancellationToken);
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
        catch (Exception e) when (Noted(e, out failure))
        {
            throw;
        }
        finally
        {
            Leave("zero", _writers, started, failure);
        }
    }

    /// <summary>
    /// Makes completed writes durable. Fails while data of an earlier failure has not been written again.
    /// </summary>
    internal async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        await EnterAsync(gate: null, cancellationToken);
        long started = 0;
        Exception? failure = null;
        try
        {
            await Shared.Flushes.FlushAsync(
                _unflushed,
                Capabilities.FlushCoversAllHandles,
                async () =>
                {
                    // Never cancelled. A flush that never began must not count as failed, and an abandoned flush may
                    // have had an error.
                    await HopAsync(CancellationToken.None);
                    started = CallStarts();
                    await _backend.FlushAsync(CancellationToken.None);
                },
                cancellationToken);
        }
        catch (Exception e) when (Noted(e, out failure))
        {
            throw;
        }
        finally
        {
            Leave("flush", gate: null, started, failure);
        }
    }

    /// <summary>Runs calls to this handle beside the caller.</summary>
    /// <param name="work">The calls.</param>
    /// <param name="cancellationToken">Ends the wait for a storage thread.</param>
    internal async Task StartAsync(Func<Task> work, CancellationToken cancellationToken)
    {
        await (_backend.MayBlock ? StorageThread.ForkAsync(Shared.Threads, cancellationToken) : StorageThread.Stay());
        await work();
    }

    /// <summary>
    /// Continues on a storage thread, for computing between two calls that must not hold up the thread which completed
    /// the first one.
    /// </summary>
    internal StorageThread ToStorageThreadAsync(CancellationToken cancellationToken) =>
        StorageThread.SwitchAsync(Shared.Threads, cancellationToken);

    // An exception filter that never catches, so it costs nothing unless a call fails.
    internal static bool Noted(Exception exception, out Exception? failure)
    {
        failure = exception;
        return false;
    }

    internal static string? ReasonOf(Exception? failure) =>
        failure is TransferException e ? e.Error.ToString() : failure?.GetType().Name;

    private StorageThread HopAsync(CancellationToken cancellationToken) =>
        _backend.MayBlock ? StorageThread.SwitchAsync(Shared.Threads, cancellationToken) : StorageThread.Stay();

    private long CallStarts() =>
        _meter is { WantsStorageDuration: true } || TransferTrace.IsWanted ? Stopwatch.GetTimestamp() : 0;

    private static SemaphoreSlim? Gate(int limit) => limit == int.MaxValue ? null : new SemaphoreSlim(limit);

    // Before the hop, because a call that waits for its turn must not hold a thread.
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

    private void Leave(string call, SemaphoreSlim? gate, long started, Exception? failure)
    {
        if (started != 0)
        {
            TimeSpan duration = Stopwatch.GetElapsedTime(started);
            _meter?.StorageCallEnded(call, BackendName, duration);
            TransferTrace.StorageCallEnded(call, BackendName, duration, ReasonOf(failure));
        }

        gate?.Release();
        _calls.Leave();
    }
}
