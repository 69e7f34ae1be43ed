using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using ImageIO.Http.Listeners;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace ImageIO.Http.Messages;

/// <summary>Successful answers that are not image data.</summary>
public static class Answer
{
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>An empty body. Sends <c>content-length: 0</c> also with 204, because the reference's clients wait for
    /// it.</summary>
    public static Task Empty(HttpContext context, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        context.Response.ContentLength = 0;
        if (status == StatusCodes.Status204NoContent)
        {
            // Kestrel removes the header from a 204 (RFC 9110 section 8.6), but the reference's clients hang without
            // it. The reason phrase is the only part of the head that is sent as it is.
            context.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase =
                "No Content\r\nContent-Length: 0";
        }

        return Task.CompletedTask;
    }

    /// <summary>Closes the connection after the answer if the client asked for it.</summary>
    public static void CloseAfter(HttpContext context, bool close)
    {
        if (close)
        {
            context.Response.Headers.Connection = "close";
        }
    }

    /// <summary>The answer's body. Every answer is subject to the time limit for stalled clients.</summary>
    public static Stream ToClient(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new ClientStream(DirectResponseStream.Of(context), ClientConnection.Of(context));
    }

    /// <summary>A JSON body that ends with a newline.</summary>
    public static async Task JsonAsync(
        HttpContext context, Action<Utf8JsonWriter> write, int status = StatusCodes.Status200OK)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Json))
        {
            write(writer);
        }

        buffer.Write("\n"u8);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = buffer.WrittenCount;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await ToClient(context).WriteAsync(buffer.WrittenMemory, context.RequestAborted);
        }
    }
}
