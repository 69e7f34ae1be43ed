using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners;

/// <summary>Tells a client that speaks HTTP on a TLS port what is wrong, in plain HTTP.</summary>
internal static partial class PlainHttp
{
    private const string Text = "This is HTTPS: the address begins with https://\n";

    private static readonly byte[] Answer = Encoding.ASCII.GetBytes(
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
        + $"Content-Length: {Text.Length}\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{Text}");

    /// <summary>Answers 400. The connection lingers afterwards, because the client may still be sending.</summary>
    public static async Task AnswerAsync(ConnectionContext context, ILogger logger)
    {
        Log.PlainHttp(logger, context.ConnectionId);
        // A client that has left is no failure of the writer.
        await context.Transport.Output.WriteAsync(Answer);
        context.Features.GetRequiredFeature<ClientConnection>().IsRefused = true;
    }

    private static partial class Log
    {
        [LoggerMessage(
            25,
            LogLevel.Information,
            "Connection {Connection}: the client speaks HTTP to a port of HTTPS, answered 400")]
        public static partial void PlainHttp(ILogger logger, string connection);
    }
}
