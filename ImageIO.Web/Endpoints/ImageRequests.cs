using ImageIO.Core.Backends;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Listeners;

namespace ImageIO.Web.Endpoints;

/// <summary>The steps that every request on an image and its sub-resources begins with.</summary>
internal sealed partial class ImageRequests(
    TicketStore tickets, TransferMeter meter, TimeProvider time, ILogger<ImageRequests> logger)
{
    /// <summary>The id in the path.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: it is empty.</exception>
    public static TicketId RequiredId(string id) =>
        id.Length > 0
            ? new TicketId(id)
            : throw new TransferException(TransferError.InvalidRequest, "The ticket id is missing: /images/ID");

    /// <summary>The ticket's image, held open by the request's connection, which may now idle as long as the ticket says.</summary>
    public static async ValueTask<ImageHandle> OpenAsync(HttpContext context, Ticket ticket)
    {
        ClientConnection connection = ClientConnection.Of(context);
        ImageHandle image = await connection.Images.OpenAsync(ticket, context.RequestAborted);
        connection.SetPatience(ticket.Spec.InactivityTimeoutSeconds);
        return image;
    }

    /// <summary>The same for a ticket whose image is not opened here.</summary>
    public static ValueTask HoldAsync(HttpContext context, Ticket ticket)
    {
        ClientConnection connection = ClientConnection.Of(context);
        connection.Images.Hold(ticket);
        connection.SetPatience(ticket.Spec.InactivityTimeoutSeconds);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc cref="TicketStore.Authorize" />
    public Ticket Authorize(TicketId id, TicketAccess access) => tickets.Authorize(id, access);

    /// <summary>Runs one operation under a ticket: logged, measured, and stopped with the ticket.</summary>
    /// <param name="context">The request.</param>
    /// <param name="ticket">The ticket.</param>
    /// <param name="backend">Name of the backend that serves it.</param>
    /// <param name="operation">Not yet run.</param>
    /// <param name="name">read, write, zero, flush, extents or checksum.</param>
    /// <param name="length">Bytes that it is about; -1: not known yet.</param>
    public async Task RunAsync(
        HttpContext context, Ticket ticket, string backend, IOperation operation, string name, long length)
    {
        Log.Started(logger, ticket.TransferId, name, length, operation.Offset);
        meter.OperationStarts(name, backend);
        long started = time.GetTimestamp();
        string? failure = null;
        try
        {
            await ticket.RunAsync(operation, context.RequestAborted);
        }
        catch (Exception e)
        {
            failure = OperationEnd.ReasonOf(e, context);
            throw;
        }
        finally
        {
            TimeSpan duration = time.GetElapsedTime(started);
            meter.OperationEnds(name, backend, operation.Done, failure is null);
            ClientConnection.Of(context).Tally.Add(
                ticket.TransferId, new OperationEnd(name, operation.Done, length, failure), duration, operation.StorageWait);
            Log.Ended(logger, ticket.TransferId, name, operation.Done, operation.Offset, duration.TotalSeconds, failure is null);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Debug, "Transfer {TransferId}: {Operation} {Length} bytes at {Offset}")]
        public static partial void Started(ILogger logger, string transferId, string operation, long length, long offset);

        [LoggerMessage(21, LogLevel.Debug, "Transfer {TransferId}: {Operation} of {Done} bytes at {Offset} ended after {Duration:F3} s, success {Succeeded}")]
        public static partial void Ended(
            ILogger logger, string transferId, string operation, long done, long offset, double duration, bool succeeded);
    }
}
