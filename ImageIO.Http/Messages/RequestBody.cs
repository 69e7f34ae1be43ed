using ImageIO.Core.Errors;
using ImageIO.Http.Listeners;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Messages;

/// <summary>A request's body, as JSON or as image data, and whether it was read in full.</summary>
public static class RequestBody
{
    /// <summary>Most bytes of a body that is not image data: 1 MiB, far more than any ticket or zero request.</summary>
    public const int LargestMessage = MessageBudget.LargestBody;

    // For a body whose length is not announced.
    private const int SmallestBuffer = 1023;

    private static readonly object ReadInFull = new();

    /// <summary>Whether the request has a body: a length above 0, or chunks.</summary>
    public static bool IsPresent(HttpRequest request) =>
        request.ContentLength is > 0 || request.Headers.TransferEncoding.Count > 0;

    /// <summary>Throws unless the body's only transfer coding, if any, is <c>chunked</c>.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.InvalidRequest"/>: for example compressed. The server would decode the chunks only, and
    /// the compressed bytes would be written to the image.
    /// </exception>
    public static void RequireKnownCoding(HttpRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string coding = request.Headers.TransferEncoding.ToString();
        if (coding.Length > 0 && !coding.Equals("chunked", StringComparison.OrdinalIgnoreCase))
        {
            throw new TransferException(
                TransferError.InvalidRequest, $"Unsupported Transfer-Encoding '{coding}', expected chunked");
        }
    }

    /// <summary>
    /// Whether part of the body may still arrive. The connection cannot be kept then, because the start of the next
    /// request is unknown.
    /// </summary>
    public static bool MayBeUnread(HttpContext context) =>
        IsPresent(context.Request) && !context.Items.ContainsKey(ReadInFull);

    /// <summary>Records that the body was read to its end.</summary>
    public static void MarkRead(HttpContext context) => context.Items[ReadInFull] = true;

    /// <summary>
    /// Discards the remaining body of a refused request, so that its client can read the answer before the connection
    /// closes. The server alone would wait for the body first.
    /// </summary>
    internal static async Task DiscardAsync(HttpContext context)
    {
        ClientConnection connection = ClientConnection.Of(context);
        if (!await LingeringClose.RunAsync(connection, context.Request.BodyReader, context.RequestAborted))
        {
            context.Abort();
        }
    }

    /// <summary>The failure of a body that cannot be read further.</summary>
    /// <param name="context">The request.</param>
    /// <param name="cause">The server's exception.</param>
    /// <param name="done">Bytes read before.</param>
    internal static Exception Broken(HttpContext context, IOException cause, long done) =>
        Malformed(context, cause) ?? new TransferException(
            TransferError.ClientDisconnected,
            context.Request.ContentLength is { } length
                ? $"The client left at byte {done} of {length} of its body"
                : $"The client left after {done} bytes of its body",
            cause);

    /// <summary>
    /// The failure of a malformed body. Null: the body is not malformed but cut. The server checks the lines between
    /// chunks; it cannot read a length above 2^31.
    /// </summary>
    internal static Exception? Malformed(HttpContext context, Exception? cause) => cause switch
    {
        _ when context.Request.ContentLength is not null || context.RequestAborted.IsCancellationRequested => null,
        BadHttpRequestException => cause,
        IOException { InnerException: OverflowException } => new TransferException(
            TransferError.InvalidRequest, "A chunk of the body is too long, at most 2147483647 bytes", cause),
        _ => null,
    };

    /// <summary>
    /// Ends a request that was answered before the end of its body, so that the client can read the answer before the
    /// connection closes.
    /// </summary>
    internal static async Task FinishAsync(HttpContext context)
    {
        if (MayBeUnread(context) && context.Response.Headers.Connection == "close")
        {
            await context.Response.CompleteAsync();
            await DiscardAsync(context);
        }
    }

    /// <summary>The body as image data, read at the client's pace.</summary>
    public static Stream ImageData(HttpContext context) =>
        new ClientStream(context.Request.Body, ClientConnection.Of(context));

    /// <summary>The body as a JSON object.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.RequestTooLarge"/>, or <see cref="TransferError.InvalidRequest"/>: it is no JSON
    /// object.
    /// </exception>
    public static async Task<JsonFields> ReadJsonAsync(HttpContext context) =>
        JsonFields.Parse(await ReadAllAsync(context));

    /// <summary>
    /// The whole of a small body. Memory beyond a small buffer comes from the <see cref="MessageBudget"/>, and is given
    /// back when the request ends.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="allowLarge">
    /// Throws if the client may not send more than an ordinary body. Called once, before more is gathered.
    /// </param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.RequestTooLarge"/>, <see cref="TransferError.Overloaded"/>, or the exception of
    /// <paramref name="allowLarge"/>.
    /// </exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAllAsync(HttpContext context, Action? allowLarge = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        long? announced = context.Request.ContentLength;
        if (announced > LargestMessage)
        {
            throw TooLarge();
        }

        if (announced > MessageBudget.OwnBytes)
        {
            allowLarge?.Invoke();
        }

        Stream client = ImageData(context);
        // One byte more than announced, to find the end.
        byte[] bytes = new byte[Math.Min((announced ?? SmallestBuffer) + 1, MessageBudget.OwnBytes)];
        int length = 0;
        int received;
        while ((received = await ReadAsync(client, bytes.AsMemory(length), context.RequestAborted)) > 0)
        {
            length += received;
            if (length > LargestMessage)
            {
                throw TooLarge();
            }

            if (length == bytes.Length)
            {
                if (length == MessageBudget.OwnBytes && announced is null)
                {
                    allowLarge?.Invoke();
                }

                bytes = Grow(context, bytes);
            }
        }

        MarkRead(context);
        return bytes.AsMemory(0, length);
    }

    private static byte[] Grow(HttpContext context, byte[] bytes)
    {
        int size = Math.Min(2 * bytes.Length, LargestMessage + 1);
        if (size > MessageBudget.OwnBytes)
        {
            context.Response.RegisterForDispose(ClientConnection.Of(context).Messages.Take(size - bytes.Length));
        }

        Array.Resize(ref bytes, size);
        return bytes;
    }

    private static async ValueTask<int> ReadAsync(Stream client, Memory<byte> part, CancellationToken cancellationToken)
    {
        try
        {
            return await client.ReadAsync(part, cancellationToken);
        }
        catch (IOException e) when (e is not BadHttpRequestException)
        {
            throw new TransferException(
                TransferError.ClientDisconnected, "The client left before its request was complete", e);
        }
    }

    private static TransferException TooLarge() =>
        new(TransferError.RequestTooLarge, $"The request body is too large, at most {LargestMessage} bytes are read");
}
