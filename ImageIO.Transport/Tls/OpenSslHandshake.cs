using System.Security.Authentication;
using ImageIO.Transport.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace ImageIO.Transport.Tls;

/// <summary>The step of a connection that makes the handshake, and sends close_notify at the end.</summary>
/// <param name="tls">Certificate and key.</param>
/// <param name="goodbye">How long to wait for room for close_notify.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For failed handshakes.</param>
public sealed partial class OpenSslHandshake(ServerTls tls, TimeSpan goodbye, TimeProvider time, ILogger logger)
{
    /// <summary>Runs a connection.</summary>
    /// <param name="context">The connection.</param>
    /// <param name="next">Runs after the handshake. Protocol and cipher are among the connection's features.</param>
    /// <param name="plain">Runs instead if the client begins with a capital letter, which no TLS record does.</param>
    public async Task RunAsync(ConnectionContext context, ConnectionDelegate next, ConnectionDelegate plain)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(next);
        ArgumentNullException.ThrowIfNull(plain);
        var connection = LoopConnection.Of(context);
        if (await connection.PeekAsync() is not { } first)
        {
            return;
        }

        if (char.IsAsciiLetterUpper((char)first))
        {
            connection.Open(static (socket, readiness, left) => new PlainStream(socket, readiness, left));
            context.Transport = connection.Transport;
            await plain(context);
            return;
        }

        if (await OpenAsync(connection) is not { } stream)
        {
            return;
        }

        connection.IsIntroduced();
        context.Features.Set<ITlsHandshakeFeature>(stream.Agreed);
        context.Transport = connection.Transport;
        await next(context);
        // Bytes of the client can be read until it leaves.
        using var overdue = new CancellationTokenSource(goodbye, time);
        await stream.SendEndAsync(overdue.Token);
        context.Transport = connection.Transport;
    }

    private async Task<OpenSslStream?> OpenAsync(LoopConnection connection)
    {
        try
        {
            // The layer above aborts a connection whose handshake takes too long.
            OpenSslContext settings = tls.CurrentContext();
            OpenSslStream stream = connection.Open(
                (socket, readiness, left) => new OpenSslStream(settings.Open(socket), socket, readiness, left));
            await stream.HandshakeAsync(CancellationToken.None);
            return stream;
        }
        catch (Exception e) when (e is AuthenticationException or IOException or ObjectDisposedException)
        {
            Log.Failed(logger, connection.ConnectionId, e.Message);
            return null;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Debug, "Connection {Connection}: TLS handshake failed: {Reason}")]
        public static partial void Failed(ILogger logger, string connection, string reason);
    }
}
