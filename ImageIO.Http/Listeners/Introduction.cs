using ImageIO.Http.Listeners.Sockets;
using Microsoft.AspNetCore.Connections;

namespace ImageIO.Http.Listeners;

/// <summary>
/// The first step of a connection without TLS: it costs nothing more than its socket until its client has sent a byte.
/// </summary>
internal static class Introduction
{
    /// <summary>Runs a connection once its client has sent something.</summary>
    public static async Task RunAsync(ConnectionContext context, ConnectionDelegate next)
    {
        var connection = LoopConnection.Of(context);
        if (await connection.PeekAsync() is null)
        {
            return;
        }

        connection.IsIntroduced();
        connection.Open(static (socket, readiness, left) => new PlainStream(socket, readiness, left));
        context.Transport = connection.Transport;
        await next(context);
    }
}
