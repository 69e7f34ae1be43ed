using System.Numerics;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Messages;

namespace ImageIO.Web.Endpoints;

/// <summary>
/// Requests on images that another daemon serves (proxy-api, third generation): forwarded, with this daemon's rules for
/// tickets around them. The endpoints come here once they have authorized a request.
/// </summary>
internal sealed class ForwardedImages(ImageRequests requests, Forwarder forwarder)
{
    // What metrics call it, beside the backends that open images.
    private const string Backend = "http";

    /// <summary>Whether a ticket's image is another daemon's.</summary>
    public static bool Serves(Ticket ticket) => ForwardedUrl.IsForwarded(ticket.Spec.Url);

    /// <summary>Forwards GET and HEAD of the image.</summary>
    public Task GetAsync(HttpContext context, Ticket ticket, RangeHeader? range)
    {
        long first = WireInteger.Clamp(range?.First ?? 0);
        if (range is { } header && (header.Last ?? header.First) >= ticket.Spec.Size)
        {
            throw OutOfBounds($"from {header.First} to {header.Last}", ticket.Spec.Size);
        }

        ForwardRequest request = Request(context, ticket) with { View = new ImageView(ticket.Spec.Size, range) };
        if (HttpMethods.IsHead(context.Request.Method))
        {
            return OnceAsync(context, ticket, request);
        }

        return RunAsync(context, ticket, request, "read", first, zeroed: 0);
    }

    /// <summary>Forwards PUT of the image.</summary>
    public Task PutAsync(HttpContext context, Ticket ticket, long offset)
    {
        long size = ticket.Spec.ReachableSize;
        long length = context.Request.ContentLength ?? 0;
        if (offset > size || length > size - offset)
        {
            throw OutOfBounds($"of {length} bytes at {offset}", size);
        }

        ForwardRequest request = Request(context, ticket) with { MayAnswerLate = true, UploadLimit = size - offset };
        return RunAsync(context, ticket, request, "write", offset, zeroed: 0);
    }

    /// <summary>Forwards PATCH of the image, whose body was read already.</summary>
    public Task PatchAsync(
        HttpContext context, Ticket ticket, ReadOnlyMemory<byte> body, string name, long offset, long length)
    {
        long size = ticket.Spec.ReachableSize;
        if (offset > size || length > size - offset)
        {
            throw OutOfBounds($"of {length} bytes at {offset}", size);
        }

        ForwardRequest request = Request(context, ticket) with { MayAnswerLate = true, CountsBody = false, Body = body };
        return RunAsync(context, ticket, request, name, offset, length);
    }

    /// <summary>Forwards OPTIONS of the image, and restricts the answer to what this ticket permits.</summary>
    public Task OptionsAsync(HttpContext context, Ticket ticket)
    {
        bool canWrite = ticket.Spec.Access.HasFlag(TicketAccess.Write);
        ForwardRequest request = Request(context, ticket) with
        {
            AllowedMethods = canWrite ? null : "OPTIONS,GET",
            RewriteAnswer = answer => OptionsAnswer.Narrow(answer, new OptionsLimits
            {
                CanWrite = canWrite,
                Size = ticket.Spec.ReachableSize,
                ExpiresInSeconds = ticket.RemainingSeconds,
                Ops = ticket.Spec.Ops,
                Filename = ticket.Spec.Filename,
            }),
        };
        return OnceAsync(context, ticket, request);
    }

    /// <summary>Forwards GET of the image's extents.</summary>
    public async Task ExtentsAsync(HttpContext context, Ticket ticket)
    {
        await ImageRequests.HoldAsync(context, ticket);
        await forwarder.ForwardAsync(context, Request(context, ticket, "/extents"), context.RequestAborted);
    }

    /// <summary>Forwards GET of the image's checksum, which runs as an operation.</summary>
    public async Task ChecksumAsync(HttpContext context, Ticket ticket)
    {
        await ImageRequests.HoldAsync(context, ticket);
        ForwardRequest request = Request(context, ticket, "/checksum") with { MayAnswerLate = true, CountsBody = false };
        using var operation = new ForwardOperation(forwarder, context, request, offset: 0, zeroed: 0);
        await requests.RunAsync(context, ticket, Backend, operation, "checksum", -1);
    }

    private static ForwardRequest Request(HttpContext context, Ticket ticket, string subResource = "")
    {
        UpstreamUrl url = ForwardedUrl.Parse(ticket.Spec.Url)
            ?? throw new InvalidOperationException("A ticket was installed whose URL cannot be forwarded to.");
        return new ForwardRequest { Upstream = url, PathAndQuery = $"{url.Path}{subResource}{context.Request.QueryString}" };
    }

    // Uses the ticket without running an operation: its time begins anew, before the client can see the answer.
    private async Task OnceAsync(HttpContext context, Ticket ticket, ForwardRequest request)
    {
        await ImageRequests.HoldAsync(context, ticket);
        ticket.Extend();
        await forwarder.ForwardAsync(context, request, context.RequestAborted);
    }

    private async Task RunAsync(
        HttpContext context, Ticket ticket, ForwardRequest request, string name, long offset, long zeroed)
    {
        await ImageRequests.HoldAsync(context, ticket);
        try
        {
            using var operation = new ForwardOperation(forwarder, context, request, offset, zeroed);
            await requests.RunAsync(context, ticket, Backend, operation, name, context.Request.ContentLength ?? -1);
        }
        finally
        {
            // Used, whatever came of it: a transfer that retries is alive.
            ticket.Extend();
        }
    }

    private static TransferException OutOfBounds(string what, BigInteger size) =>
        new(TransferError.RangeNotSatisfiable, $"Requested range {what} is out of bounds, ticket size is {size}") { Limit = size };
}
