using System.Globalization;
using System.Numerics;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Http.Transfers;

namespace ImageIO.Web.Endpoints;

/// <summary>An image that a backend opens in this process.</summary>
/// <remarks>Each method opens the image, checks the range, runs one operation, and answers.</remarks>
internal sealed class OpenedImage(
    Ticket ticket, OperationRunner runner, ImagesOptionsAnswer options, TimeProvider time) : IRequestedImage
{
    /// <inheritdoc />
    public async Task GetAsync(HttpContext context, RangeHeader? range, bool close)
    {
        ImageHandle image = await OpenAsync(context);
        long imageSize = await image.GetSizeAsync(context.RequestAborted);
        ByteRange bytes = Resolve(range, ticket.Spec.Size, imageSize);

        HttpResponse response = context.Response;
        response.StatusCode = range is null ? StatusCodes.Status200OK : StatusCodes.Status206PartialContent;
        response.ContentType = "application/octet-stream";
        response.ContentLength = bytes.Length;
        // qemu's curl driver refuses a server without this.
        response.Headers.AcceptRanges = "bytes";
        response.Headers.ContentDisposition =
            ticket.Spec.Filename is { } filename ? $"attachment; filename={filename}" : "attachment";
        if (range is not null)
        {
            response.Headers.ContentRange = string.Create(
                CultureInfo.InvariantCulture, $"bytes {bytes.Start}-{bytes.End - 1}/{ticket.Spec.Size}");
        }

        Answer.CloseAfter(context, close);
        if (HttpMethods.IsHead(context.Request.Method))
        {
            ticket.Extend();
            return;
        }

        await RunAsync(
            context, image, "read", new ReadOperation(image, imageSize, bytes, Answer.ToClient(context)), bytes.Length);
    }

    /// <inheritdoc />
    public async Task PutAsync(HttpContext context, PutRequest put)
    {
        ImageHandle image = await OpenAsync(context);
        Stream body = RequestBody.ImageData(context);
        var operation = new WriteOperation(
            image, put.Offset, put.Length, ticket.Spec.ReachableSize, put.Digest?.Wrap(body) ?? body, put.Flush);
        await RunAsync(context, image, "write", operation, put.Length);
        RequestBody.MarkRead(context);
        put.Digest?.Verify(put.Offset, operation.Done);
        Answer.CloseAfter(context, put.Close);
        await Answer.Empty(context);
    }

    /// <inheritdoc />
    public async Task ZeroAsync(HttpContext context, ZeroRequest zero)
    {
        ImageHandle image = await OpenAsync(context);
        ZeroMode mode = ticket.Spec.Sparse ? ZeroMode.Deallocate : ZeroMode.Allocate;
        var operation = new ZeroOperation(image, zero.Offset, zero.Length, ticket.Spec.ReachableSize, mode, zero.Flush);
        await RunAsync(context, image, "zero", operation, zero.Length);
        await Answer.Empty(context);
    }

    /// <inheritdoc />
    public async Task FlushAsync(HttpContext context, ReadOnlyMemory<byte> body)
    {
        ImageHandle image = await OpenAsync(context);
        await RunAsync(context, image, "flush", new FlushOperation(image), 0);
        await Answer.Empty(context);
    }

    /// <inheritdoc />
    public async Task OptionsAsync(HttpContext context)
    {
        // The answer tells the image's size.
        ImageHandle image = await OpenAsync(context);
        // Before the answer, because a client that has read it may rely on the new time.
        ticket.Extend();
        await options.WriteAsync(context, ticket, image);
    }

    /// <inheritdoc />
    public async Task ExtentsAsync(HttpContext context, ExtentContext wanted)
    {
        ExtentsAnswer.RequirePermitted(ticket, wanted);
        ImageHandle image = await OpenAsync(context);
        if (wanted == ExtentContext.Dirty && !image.Capabilities.HasDirtyExtents)
        {
            throw ExtentsAnswer.NoDirtyExtents(ticket);
        }

        await using var answer = new ExtentsAnswer(context, wanted, time);
        var operation = new ExtentsOperation(image, ticket.Spec.ReachableSize, wanted, answer.AddAsync);
        await RunAsync(context, image, "extents", operation, length: null);
        await answer.EndAsync();
    }

    /// <inheritdoc />
    public async Task ChecksumAsync(HttpContext context, ChecksumRequest checksum)
    {
        ImageHandle image = await OpenAsync(context);
        long size = Math.Min(ticket.Spec.ReachableSize, await image.GetSizeAsync(context.RequestAborted));
        var operation = new ChecksumOperation(image, size, checksum.BlockSize, checksum.NewHash);
        await RunAsync(context, image, "checksum", operation, size);
        await Answer.JsonAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("algorithm", checksum.Algorithm);
            json.WriteNumber("block_size", checksum.BlockSize);
            json.WriteString("checksum", operation.Checksum);
            json.WriteEndObject();
        });
    }

    // The request's connection holds the image open, and may now be idle for as long as the ticket permits.
    private async ValueTask<ImageHandle> OpenAsync(HttpContext context)
    {
        ClientConnection connection = ClientConnection.Of(context);
        ImageHandle image = await connection.Images.OpenAsync(ticket, context.RequestAborted);
        connection.SetPatience(ticket.Spec.InactivityTimeoutSeconds);
        return image;
    }

    private Task RunAsync(HttpContext context, ImageHandle image, string name, IOperation operation, long? length) =>
        runner.RunAsync(context, new OperationRun
        {
            TransferId = ticket.TransferId,
            Name = name,
            Backend = image.BackendName,
            Operation = operation,
            Length = () => length,
            Ticket = ticket,
        });

    // The bytes that a Range header selects. Without one: all that both ticket and image have.
    private static ByteRange Resolve(RangeHeader? range, BigInteger ticketSize, long imageSize)
    {
        long size = WireInteger.Clamp(BigInteger.Min(ticketSize, imageSize));
        if (range is not { } header)
        {
            return new ByteRange(0, size);
        }

        BigInteger last = header.Last ?? BigInteger.Max(header.First, size - 1);
        BigInteger limit = last >= ticketSize ? ticketSize : imageSize;
        return last < size
            ? new ByteRange((long)header.First, (long)last + 1)
            : throw new TransferException(
                TransferError.RangeNotSatisfiable,
                $"Requested range from {header.First} to {last} is out of bounds, there are {limit} bytes")
            {
                Limit = limit,
            };
    }
}
