using System.Numerics;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Http.Transfers;

namespace ImageIO.Web.Endpoints;

/// <summary>
/// An image that another daemon serves (proxy-api, third generation). Requests are forwarded under the rules of this
/// daemon's ticket, whatever the other daemon's ticket permits.
/// </summary>
internal sealed class ForwardedImage(
    Ticket ticket, UpstreamUrl url, OperationRunner runner, Forwarder forwarder, TimeProvider time) : IRequestedImage
{
    // Name in metrics, beside the backends that open images.
    private const string Backend = "http";

    private BigInteger Size => ticket.Spec.Size;

    private long Reachable => ticket.Spec.ReachableSize;

    /// <inheritdoc />
    public Task GetAsync(HttpContext context, RangeHeader? range, bool close)
    {
        if (range is { } header && (header.Last ?? header.First) >= Size)
        {
            throw OutOfBounds($"from {header.First} to {header.Last}");
        }

        ForwardRequest request = Request(context) with { View = new ImageView(Size, range) };
        return HttpMethods.IsHead(context.Request.Method)
            ? UseAsync(context, request)
            : RunAsync(context, "read", Operation(context, request, WireInteger.Clamp(range?.First ?? 0)));
    }

    /// <inheritdoc />
    public Task PutAsync(HttpContext context, PutRequest put)
    {
        RequireWithin(put.Offset, put.Length ?? 0);
        ForwardRequest request = Request(context) with { MayAnswerLate = true, UploadLimit = Reachable - put.Offset };
        return RunAsync(context, "write", Operation(context, request, put.Offset));
    }

    /// <inheritdoc />
    public Task ZeroAsync(HttpContext context, ZeroRequest zero)
    {
        RequireWithin(zero.Offset, zero.Length);
        return RunAsync(context, "zero", new ForwardOperation(forwarder, context, Patch(context, zero.Body))
        {
            Offset = zero.Offset,
            Zeroes = zero.Length,
        });
    }

    /// <inheritdoc />
    public Task FlushAsync(HttpContext context, ReadOnlyMemory<byte> body) =>
        RunAsync(context, "flush", Operation(context, Patch(context, body), offset: 0));

    /// <inheritdoc />
    public Task OptionsAsync(HttpContext context)
    {
        bool canWrite = ticket.Spec.Access.HasFlag(TicketAccess.Write);
        return UseAsync(context, Request(context) with
        {
            AllowedMethods = canWrite ? null : "OPTIONS,GET",
            ReadAnswer = (answer, cancellation) => OptionsAnswer.WriteAsync(
                context,
                answer,
                new OptionsLimits
                {
                    CanWrite = canWrite,
                    Size = Reachable,
                    ExpiresInSeconds = ticket.RemainingSeconds,
                    Ops = ticket.Spec.Ops,
                    Filename = ticket.Spec.Filename,
                },
                cancellation),
        });
    }

    /// <inheritdoc />
    public Task ExtentsAsync(HttpContext context, ExtentContext wanted)
    {
        ExtentsAnswer.RequirePermitted(ticket, wanted);
        ForwardRequest request = Request(context, ImageResources.Extents) with
        {
            CountsBody = false,
            ReadAnswer = (answer, cancellation) => WriteExtentsAsync(context, answer, wanted, cancellation),
        };
        return RunAsync(context, "extents", new ForwardOperation(forwarder, context, request) { IsUse = false });
    }

    /// <inheritdoc />
    public Task ChecksumAsync(HttpContext context, ChecksumRequest checksum)
    {
        ForwardRequest request = Request(
            context, ImageResources.Checksum) with
        { MayAnswerLate = true, CountsBody = false };
        return RunAsync(context, "checksum", new ForwardOperation(forwarder, context, request)
        {
            First = cancellation => RequireSameEndAsync(context, cancellation),
        });
    }

    private ForwardRequest Request(HttpContext context, string subResource = "") =>
        new() { Upstream = url, PathAndQuery = $"{url.Path}{subResource}{context.Request.QueryString}" };

    private ForwardRequest Patch(HttpContext context, ReadOnlyMemory<byte> body) =>
        Request(context) with { MayAnswerLate = true, CountsBody = false, Body = body };

    private ForwardOperation Operation(HttpContext context, ForwardRequest request, long offset) =>
        new(forwarder, context, request) { Offset = offset };

    private async Task RunAsync(HttpContext context, string name, ForwardOperation operation)
    {
        using (operation)
        {
            Hold(context);
            await runner.RunAsync(context, new OperationRun
            {
                TransferId = ticket.TransferId,
                Name = name,
                Backend = Backend,
                Operation = operation,
                Length = () => operation.Length,
                Ticket = ticket,
            });
        }
    }

    // Uses the ticket: its time restarts before the client sees the answer. No operation is counted.
    private async Task UseAsync(HttpContext context, ForwardRequest request)
    {
        using ForwardOperation operation = Operation(context, request, offset: 0);
        Hold(context);
        ticket.Extend();
        await ticket.RunAsync(operation, context.RequestAborted);
    }

    // The request's connection counts as one of the ticket, and may now be idle for as long as the ticket permits.
    private void Hold(HttpContext context)
    {
        ClientConnection connection = ClientConnection.Of(context);
        connection.Images.Hold(ticket);
        connection.SetPatience(ticket.Spec.InactivityTimeoutSeconds);
    }

    private async Task WriteExtentsAsync(
        HttpContext context, Stream answer, ExtentContext wanted, CancellationToken cancellationToken)
    {
        await using var list = new ExtentsAnswer(context, wanted, time);
        long end = 0;
        await foreach (Extent extent in ForwardedExtents.ReadAsync(answer, Reachable, cancellationToken))
        {
            await list.AddAsync(extent);
            end = extent.Range.End;
        }

        if (end < Size)
        {
            // Either the image ends there, or only the part that the other daemon's ticket permits.
            RequireNotSmaller(await forwarder.ProbeAsync(context.Request, url, 0, cancellationToken));
        }

        await list.EndAsync();
    }

    // A checksum cannot be cut: it must cover exactly the bytes that this ticket permits.
    private async Task RequireSameEndAsync(HttpContext context, CancellationToken cancellationToken)
    {
        ProbedTicket? theirs = await forwarder.ProbeAsync(context.Request, url, 0, cancellationToken);
        RequireNotSmaller(theirs);
        if (theirs is not { HasByte: true } || theirs.Value.Size == Size || Reachable == long.MaxValue)
        {
            return;
        }

        if (await forwarder.ProbeAsync(context.Request, url, Reachable, cancellationToken) is not { HasByte: false })
        {
            throw new TransferException(
                TransferError.RangeNotSatisfiable,
                $"This ticket permits {Size} bytes of a larger image: its host computes checksums of all that its own "
                    + $"ticket permits")
            {
                Limit = Size,
            };
        }
    }

    private void RequireNotSmaller(ProbedTicket? theirs)
    {
        if (theirs?.Size < Size)
        {
            throw ImageView.TooSmall(theirs.Value.Size.Value, Size);
        }
    }

    private void RequireWithin(long offset, long length)
    {
        if (offset > Reachable || length > Reachable - offset)
        {
            throw OutOfBounds($"of {length} bytes at {offset}");
        }
    }

    private TransferException OutOfBounds(string what) =>
        new(TransferError.RangeNotSatisfiable, $"Requested range {what} is out of bounds, ticket size "
            + $"is {Size}")
        { Limit = Size };
}
