using System.Diagnostics;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Tickets;
using ImageIO.Http.Listeners;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Transfers;

/// <summary>Runs operations under their ticket; counts and logs them.</summary>
/// <param name="meter">Counts them.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Logs them.</param>
public sealed partial class OperationRunner(TransferMeter meter, TimeProvider time, ILogger<OperationRunner> logger)
{
    /// <summary>Runs an operation to its end.</summary>
    /// <param name="context">The request.</param>
    /// <param name="run">The operation.</param>
    public async Task RunAsync(HttpContext context, OperationRun run)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(run);
        IOperation operation = run.Operation;
        Log.Started(logger, run.TransferId, run.Name, run.Length() ?? -1, operation.Offset);
        meter.OperationStarts(run.Name, run.Backend);
        using Activity? span = StartSpan(run);
        long started = time.GetTimestamp();
        string? failure = null;
        try
        {
            await (run.Ticket?.RunAsync(operation, context.RequestAborted) ?? operation.RunAsync(
                context.RequestAborted));
            failure = RefusalOf(context.Response);
        }
        catch (Exception e)
        {
            failure = OperationEnd.ReasonOf(e, context);
            throw;
        }
        finally
        {
            if (operation.IsUse)
            {
                // Also after a failure, because a client that retries is still transferring.
                run.Ticket?.Extend();
            }

            TimeSpan duration = time.GetElapsedTime(started);
            var end = new OperationEnd(run.Name, operation.Done, run.Length() ?? -1, failure);
            meter.OperationEnds(run.Name, run.Backend, operation.Done, failure is null);
            EndSpan(span, operation.Done, failure);
            ClientConnection.Of(context).Tally.Add(run.TransferId, end, duration, operation.StorageWait);
            Log.Ended(
                logger,
                run.TransferId, run.Name, operation.Done, operation.Offset, duration.TotalSeconds, failure is null);
        }
    }

    // Null: no listener wants spans.
    private static Activity? StartSpan(OperationRun run)
    {
        if (!TransferTrace.IsWanted)
        {
            return null;
        }

        // The request's span, which began before its ticket was known.
        Activity.Current?.SetTag(TransferTrace.TransferId, run.TransferId);
        Activity? span = TransferTrace.Source.StartActivity(run.Name);
        span?.SetTag(TransferTrace.TransferId, run.TransferId);
        span?.SetTag("imageio.backend", run.Backend);
        span?.SetTag("imageio.offset", run.Operation.Offset);
        span?.SetTag("imageio.length", run.Length());
        return span;
    }

    private static void EndSpan(Activity? span, long done, string? failure)
    {
        span?.SetTag("imageio.done", done);
        if (failure is not null)
        {
            span?.SetStatus(ActivityStatusCode.Error, failure);
        }
    }

    // Not a failure here: another daemon refused the operation, and its answer was passed on.
    private static string? RefusalOf(HttpResponse response) => response.StatusCode < StatusCodes.Status400BadRequest
        ? null
        : $"the host that serves the image answered {response.StatusCode}";

    private static partial class Log
    {
        [LoggerMessage(15, LogLevel.Debug, "Transfer {TransferId}: {Operation} {Length} bytes at {Offset}")]
        public static partial void Started(
            ILogger logger, string transferId, string operation, long length, long offset);

        [LoggerMessage(16, LogLevel.Debug, "Transfer {TransferId}: {Operation} of {Done} bytes at {Offset} ended after "
            + "{Duration:F3} s, success {Succeeded}")]
        public static partial void Ended(
            ILogger logger,
            string transferId, string operation, long done, long offset, double duration, bool succeeded);
    }
}
