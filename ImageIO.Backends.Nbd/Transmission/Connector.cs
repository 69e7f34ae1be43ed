using System.Net.Sockets;
using ImageIO.Backends.Nbd.Addresses;
using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Transmission;

/// <summary>
/// Opens connections to the export of one open image: connects, encrypts and negotiates, within one limit of time.
/// </summary>
internal sealed class Connector(NbdUrl url, bool wantsDirty, NbdSettings settings)
{
    // A server that accepts a further client greets it at once.
    private static readonly TimeSpan FurtherGreeting = TimeSpan.FromSeconds(1);

    private readonly Dialer _dialer = new(url, settings);

    /// <inheritdoc cref="Dialer.Identity" />
    public string Identity => _dialer.Identity;

    /// <inheritdoc cref="Dialer.Storage" />
    public string Storage => _dialer.Storage;

    /// <summary>The server and the export, for messages.</summary>
    public string Description => url.ExportName.Length == 0
        ? $"NBD server {url.Server}"
        : $"NBD server {url.Server}, export '{ServerText.Of(System.Text.Encoding.UTF8.GetBytes(url.ExportName))}'";

    /// <summary>Opens a connection.</summary>
    /// <param name="isFurther">Whether there are others already, so that it may fail.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="NbdException">It failed.</exception>
    public async ValueTask<NegotiatedConnection> ConnectAsync(bool isFurther, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(settings.ConnectTimeout, settings.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await ConnectCoreAsync(isFurther, both.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NbdException(
                timeout.IsCancellationRequested
                    ? $"the server did not finish negotiating within {settings.ConnectTimeout.TotalSeconds} s: "
                        + "it hangs, or serves as many clients as it wants"
                    : "the server did not greet a further connection",
                e);
        }
        catch (NbdException e) when (e.IsEnd)
        {
            throw ClosedEarly(e);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw ClosedEarly(e);
        }
    }

    private async ValueTask<NegotiatedConnection> ConnectCoreAsync(bool isFurther, CancellationToken cancellationToken)
    {
        ServerStream stream = await _dialer.ConnectAsync(cancellationToken);
        try
        {
            var handshake = new Handshake(url, wantsDirty, EncryptAsync, settings.Time);
            NegotiatedConnection negotiated =
                await handshake.RunAsync(stream, isFurther ? FurtherGreeting : null, cancellationToken);
            stream.AcknowledgesAtOnce = false;
            return negotiated;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    // The encrypting stream owns the socket, and disposes it if the handshake fails.
    private ValueTask<Stream> EncryptAsync(Stream plain, CancellationToken cancellationToken) =>
        TlsClient.EncryptAsync(plain, url.TlsHostName, settings, cancellationToken);

    // Only the server knows the reason. Say where an administrator finds it.
    private NbdException ClosedEarly(Exception cause) => new(
        url.Tls
            ? "the server closed the connection while negotiating: it may want a client certificate, "
                + "see [backend_nbd] tls_cert_file"
            : "the server closed the connection while negotiating: it may have failed to open its image "
                + "(a missing backing file, a lock, a missing bitmap); the server's own log says why, "
                + "for Vdsm that of the unit vdsm-nbd-ID",
        cause);
}
