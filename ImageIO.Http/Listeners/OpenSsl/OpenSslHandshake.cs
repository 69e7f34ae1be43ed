using System.Security.Authentication;
using ImageIO.Http.Listeners.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners.OpenSsl;

/// <summary>The step of a connection that makes the handshake, and says goodbye when the server is through with it.</summary>
internal sealed partial class OpenSslHandshake(ServerTls tls, TimeProvider time, ILogger logger)
{
    internal async Task RunAsync(ConnectionContext context, ConnectionDelegate next)
    {
        var connection = LoopConnection.Of(context);
        if (await connection.PeekAsync() is not { } first)
        {
            return;
        }

        if (PlainHttp.MayBegin(first))
        {
            await AnswerPlainHttpAsync(context, connection);
            return;
        }

        if (await OpenAsync(connection) is not { } stream)
        {
            return;
        }

        connection.IsIntroduced();
        context.Features.Set<ITlsConnectionFeature>(stream.Agreed);
        context.Features.Set<ITlsHandshakeFeature>(stream.Agreed);
        context.Transport = connection.Transport;
        await next(context);
        // As long as any other wait for a client. What it still sends can be read on, for who wants to see it leave.
        using var overdue = new CancellationTokenSource(ConnectionWatch.DefaultPatience, time);
        await stream.SendEndAsync(overdue.Token);
        context.Transport = connection.Transport;
    }

    private async Task AnswerPlainHttpAsync(ConnectionContext context, LoopConnection connection)
    {
        Log.PlainHttp(logger, connection.ConnectionId);
        try
        {
            await PlainHttp.AnswerAsync(connection);
        }
        catch (IOException)
        {
            // The client has left.
        }

        // What the client still sends is read on.
        context.Transport = connection.Transport;
        context.Features.GetRequiredFeature<ClientConnection>().IsRefused = true;
    }

    private async Task<OpenSslStream?> OpenAsync(LoopConnection connection)
    {
        try
        {
            // ConnectionWatch aborts a connection whose handshake takes too long.
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
        [LoggerMessage(25, LogLevel.Information, "Connection {Connection}: the client speaks HTTP to a port of HTTPS, answered 400")]
        public static partial void PlainHttp(ILogger logger, string connection);

        [LoggerMessage(20, LogLevel.Debug, "Connection {Connection}: TLS handshake failed: {Reason}")]
        public static partial void Failed(ILogger logger, string connection, string reason);
    }
}
