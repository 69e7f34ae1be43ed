using System.Net.Sockets;
using System.Security.Authentication;
using ImageIO.Core.Errors;
using ImageIO.Transport.Tls;

namespace ImageIO.Http.Forwarding;

/// <summary>Connects to daemons, with TLS for https.</summary>
/// <param name="settings">How to reach daemons.</param>
/// <param name="tls">The client's side of TLS.</param>
/// <param name="time">The clock.</param>
internal sealed class UpstreamConnector(UpstreamSettings settings, ClientTls tls, TimeProvider time)
{
    /// <summary>Opens a connection.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.UpstreamUnreachable"/> or <see cref="TransferError.UpstreamTimedOut"/>.
    /// </exception>
    public async Task<UpstreamConnection> ConnectAsync(UpstreamUrl url, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(settings.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            if (url.IsTls)
            {
                OpenSslClientStream secured = await tls.ConnectAsync(url.Host, url.Port, either.Token);
                return Take(url, secured.Socket, secured);
            }

            return await ConnectPlainAsync(url, either.Token);
        }
        catch (OperationCanceledException e)
            when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TransferException(
                TransferError.UpstreamTimedOut,
                $"Connecting to {url.Origin} took longer than {settings.ConnectTimeout.TotalSeconds} s",
                e);
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException)
        {
            throw new TransferException(
                TransferError.UpstreamUnreachable,
                $"Connecting to {url.Origin} failed: {e.GetBaseException().Message}", e);
        }
    }

    private async Task<UpstreamConnection> ConnectPlainAsync(UpstreamUrl url, CancellationToken cancellationToken)
    {
        // Dual mode tries the addresses of both families, in order.
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(url.Host, url.Port, cancellationToken);
            return Take(url, socket, new NetworkStream(socket, ownsSocket: true));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private UpstreamConnection Take(UpstreamUrl url, Socket socket, Stream stream) =>
        new(url.Origin, socket, stream, settings.ReadTimeout, time);
}
