using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Backends.Nbd.Transmission;

internal sealed partial class ConnectionPool
{
    // One attempt at a time, for all waiting callers.
    private Task<NbdConnection> ReconnectAsync()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                throw new TransferException(TransferError.StorageFailed, $"{Description}: the image was closed");
            }

            if (_changed is not null)
            {
                throw new TransferException(TransferError.StorageFailed, _changed);
            }

            return _connecting ??= ConnectAgainAsync();
        }
    }

    private async Task<NbdConnection> ConnectAgainAsync()
    {
        // Leave the caller's lock.
        await Task.Yield();
        try
        {
            NegotiatedConnection negotiated = await _connector.ConnectAsync(isFurther: false, _stop.Token);
            await RequireSameAsync(negotiated);
            Log.ConnectedAgain(_logger, Description);
            return Add(negotiated);
        }
        catch (Exception e) when (e is NbdException or OperationCanceledException)
        {
            throw new TransferException(
                TransferError.StorageFailed, $"{Description}: connecting again failed: {e.Message}", e);
        }
        finally
        {
            lock (_lock)
            {
                _connecting = null;
            }
        }
    }

    // With another size or kind of export, the ranges that clients know are not valid.
    private async ValueTask RequireSameAsync(NegotiatedConnection negotiated)
    {
        if (negotiated.Export == Export)
        {
            return;
        }

        await negotiated.Stream.DisposeAsync();
        string changed = $"{Description} came back as another export ({negotiated.Export}, before {Export}); "
            + "the image must be opened again";
        lock (_lock)
        {
            _changed = changed;
        }

        throw new TransferException(TransferError.StorageFailed, changed);
    }

    // In the background: no request waits for it, and its failure is not the image's.
    private async Task GrowAsync()
    {
        await Task.Yield();
        try
        {
            NegotiatedConnection negotiated = await _connector.ConnectAsync(isFurther: true, _stop.Token);
            await RequireSameAsync(negotiated);
            Add(negotiated);
            Log.Further(_logger, Count, Description);
        }
        catch (Exception e) when (e is NbdException or OperationCanceledException or TransferException)
        {
            Log.NoFurther(_logger, Description, FurtherPause.TotalSeconds, e.Message);
            lock (_lock)
            {
                _furtherFailed = _settings.Time.GetTimestamp();
            }
        }
    }

    private void OnBroken(NbdConnection connection)
    {
        lock (_lock)
        {
            _connections.Remove(connection);
            _mayHaveLostWrites |= connection.HasUnflushedWrites;
        }

        if (connection.Cause is { } cause)
        {
            Log.Broken(_logger, Description, cause.Message, connection.HasUnflushedWrites);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            60,
            LogLevel.Warning,
            "{Server}: the connection broke: {Reason}; acknowledged writes may be lost: {MayHaveLostWrites}")]
        public static partial void Broken(ILogger logger, string server, string reason, bool mayHaveLostWrites);

        [LoggerMessage(61, LogLevel.Information, "{Server}: connected again")]
        public static partial void ConnectedAgain(ILogger logger, string server);

        [LoggerMessage(62, LogLevel.Debug, "{Count} connections to {Server}")]
        public static partial void Further(ILogger logger, int count, string server);

        [LoggerMessage(
            63, LogLevel.Information, "{Server}: no further connection, next attempt after {Seconds} s: {Reason}")]
        public static partial void NoFurther(ILogger logger, string server, double seconds, string reason);
    }
}
