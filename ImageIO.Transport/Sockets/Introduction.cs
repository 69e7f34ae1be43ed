using Microsoft.AspNetCore.Connections;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// The first step of a connection without TLS. Until the client sends a byte, the connection costs only its socket.
/// </summary>
public static class Introduction
{
    /// <summary>Ends a connection whose client has not introduced itself.</summary>
    public static void TurnAway(ConnectionContext context) => LoopConnection.Of(context).TurnAway();

    /// <summary>Runs a connection once its client has sent something.</summary>
    public static async Task RunAsync(ConnectionContext context, ConnectionDelegate next)
    {
        ArgumentNullException.ThrowIfNull(next);
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
