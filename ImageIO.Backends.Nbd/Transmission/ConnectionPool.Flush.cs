using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Nbd.Transmission;

/// <remarks>
/// A server that was killed may have lost writes that it acknowledged: qcow2's tables are in memory. This side sees a
/// broken connection and cannot tell that from a server that only dropped it. So a break with unflushed writes fails
/// the next flush.
/// </remarks>
internal sealed partial class ConnectionPool
{
    // Guarded by the lock. Set when a connection broke with unflushed writes, until a flush has reported it.
    private bool _mayHaveLostWrites;

    /// <summary>Makes completed writes durable, or says that some may be lost.</summary>
    /// <exception cref="TransferException">The server failed, or a connection broke since writes were
    /// acknowledged.</exception>
    public async ValueTask FlushAsync()
    {
        NbdConnection[] written;
        lock (_lock)
        {
            // Together: a connection that breaks now is either in the list, and its flush fails, or has left the loss
            // here.
            ThrowIfWritesMayBeLost();
            written = [.. _connections.Where(connection => connection.HasUnflushedWrites)];
        }

        if (!Export.Has(ExportFlags.SendFlush))
        {
            Array.ForEach(written, connection => connection.NoteFlushed());
            return;
        }

        try
        {
            await (written.Length == 0
                ? RunAsync(new NbdRequest(Command.Flush, 0, 0)).AsTask()
                : Task.WhenAll(written.Select(FlushAsync)));
        }
        catch
        {
            // This failure covers all writes so far, including those on connections that broke meanwhile.
            lock (_lock)
            {
                _mayHaveLostWrites = false;
            }

            throw;
        }
    }

    // On each connection that acknowledged writes, although one is enough while the server lives: the reply proves that
    // it is the server that has the writes, and not one that was started again behind another connection.
    private async Task FlushAsync(NbdConnection connection)
    {
        var flush = new NbdRequest(Command.Flush, 0, 0);
        if (connection.TrySend(flush))
        {
            await flush.Completion;
        }
        else
        {
            await connection.Ended;
            throw Lost();
        }
    }

    private void ThrowIfWritesMayBeLost()
    {
        lock (_lock)
        {
            if (_mayHaveLostWrites)
            {
                _mayHaveLostWrites = false;
                throw Lost();
            }
        }
    }

    private TransferException Lost() => new(
        TransferError.StorageFailed,
        $"{Description}: a connection broke after writes that were acknowledged and not flushed; they may be lost");

    // A client that writes, leaves and flushes on a later connection finds the image opened anew, and nothing would
    // know what a server that was killed in between had not written.
    private async ValueTask FlushBeforeCloseAsync()
    {
        if (!Export.Has(ExportFlags.SendFlush))
        {
            return;
        }

        Task flushes;
        lock (_lock)
        {
            ThrowIfWritesMayBeLost();
            flushes = Task.WhenAll(_connections.Where(connection => connection.HasUnflushedWrites).Select(FlushAsync));
        }

        try
        {
            await flushes.WaitAsync(_settings.ConnectTimeout, _settings.Time);
        }
        catch (TimeoutException e)
        {
            throw new TransferException(
                TransferError.StorageFailed,
                $"{Description}: flushing before closing did not end within {_settings.ConnectTimeout.TotalSeconds} s; "
                + "acknowledged writes may be lost",
                e);
        }
    }
}
