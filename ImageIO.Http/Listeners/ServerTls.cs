using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Http.Hosting;
using ImageIO.Http.Listeners.OpenSsl;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Http.Listeners;

/// <summary>
/// The server's side of TLS: certificate and key from PEM files, TLS 1.2 and 1.3 only. When the files change, new
/// connections get the new certificate; running ones keep theirs. A broken new file changes nothing.
/// </summary>
public sealed partial class ServerTls
{
    // Files that cannot be used are tried again, because the reason may have gone; but not for each of many connections.
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    private readonly string[] _files;
    private readonly Lock _lock = new();
    private FileState[] _loadedFrom = [];
    private long _triedAt;
    private string? _lastProblem;

    // One that was replaced is left to its finalizers: a connection may be just opening with it.
    private Loaded _loaded;

    private ServerTls(string[] files, TlsTransport transport)
    {
        _files = files;
        Transport = transport;
        _loadedFrom = Look();
        _loaded = Read();
    }

    /// <summary>Who encrypts: OpenSSL or .NET.</summary>
    public TlsTransport Transport { get; }

    /// <summary>The transports' names in configuration files.</summary>
    public static string[] TransportNames { get; } = ["auto", "openssl", "dotnet"];

    /// <summary>Where to report a reload; set when the host is built.</summary>
    public ILogger Logger { get; set; } = NullLogger.Instance;

    /// <summary>The clock; set when the host is built.</summary>
    internal TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>When the certificate in use expires.</summary>
    public DateTimeOffset Expires => _loaded.Certificate.NotAfter;

    /// <summary>Whether the newest files could not be used and an older certificate is served instead.</summary>
    public bool IsReloadFailing { get; private set; }

    /// <summary>Loads certificate and key.</summary>
    /// <param name="certificateFile">PEM: the server's certificate, then its intermediates if any.</param>
    /// <param name="keyFile">PEM: its private key.</param>
    /// <param name="authoritiesFile">PEM: certificates that complete the chain sent to clients. Empty: none.</param>
    /// <param name="transport">Who encrypts.</param>
    /// <exception cref="ConfigurationException">
    /// A file is missing, or is not what it should be; or OpenSSL was asked for, and the system has none that can be used.
    /// </exception>
    public static ServerTls Load(string certificateFile, string keyFile, string authoritiesFile, TlsTransport transport)
    {
        TlsTransport chosen = Choose(transport);
        try
        {
            return new ServerTls(
                [certificateFile, keyFile, .. authoritiesFile.Length > 0 ? [authoritiesFile] : Array.Empty<string>()], chosen);
        }
        catch (Exception e) when (IsUnusable(e))
        {
            throw new ConfigurationException(
                $"Cannot load the TLS certificate {certificateFile} with the key {keyFile}: {e.Message} "
                + "Both must be PEM files, and the key must be the certificate's.",
                e);
        }
    }

    /// <summary>The transport of this name, one of <see cref="TransportNames"/>.</summary>
    public static TlsTransport TransportOf(string name) => name switch
    {
        "openssl" => TlsTransport.OpenSsl,
        "dotnet" => TlsTransport.DotNet,
        _ => TlsTransport.Auto,
    };

    /// <summary>Looks at the files now, as each new connection does; files that could not be used are tried again.</summary>
    public void Refresh() => _ = Current(isAsked: true);

    internal OpenSslContext CurrentContext() =>
        Current().OpenSsl ?? throw new InvalidOperationException("OpenSSL was not chosen for this service.");

    internal TlsHandshakeCallbackOptions ForKestrel() => new()
    {
        // As long as any other wait for a client. The server's own 10 s are short for the last of hundreds that connect
        // at once to a busy host.
        HandshakeTimeout = ConnectionWatch.DefaultPatience,
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = Current().DotNet,
            // The floor is ours, whatever the distribution's policy would still allow (RFC 8996).
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http11, new SslApplicationProtocol("http/1.0")],
            AllowRenegotiation = false,
            // As OpenSslContext, and for its reasons.
            AllowTlsResume = false,
        }),
    };

    // The certificate for a new connection. Looks at the files each time: three stat calls beside a handshake's
    // milliseconds, and a renewed certificate is in use from the next connection on.
    private Loaded Current(bool isAsked = false)
    {
        lock (_lock)
        {
            FileState[] now = Look();
            bool haveChanged = !now.SequenceEqual(_loadedFrom);
            if (haveChanged || (IsReloadFailing && (isAsked || Time.GetElapsedTime(_triedAt) >= RetryInterval)))
            {
                _loadedFrom = now;
                _triedAt = Time.GetTimestamp();
                Reload(isNews: haveChanged || isAsked);
            }

            return _loaded;
        }
    }

    private void Reload(bool isNews)
    {
        try
        {
            _loaded = Read();
            IsReloadFailing = false;
            Log.Reloaded(Logger, _files[0], Expires);
        }
        catch (UnauthorizedAccessException e)
        {
            // Root read the first one; the renewed one is root's, too, and this process is no longer.
            IsReloadFailing = true;
            if (isNews)
            {
                Log.ReloadForbidden(Logger, _files[0], _files[1], e.Message, Expires, ProgramName.Unit);
            }
        }
        catch (Exception e) when (IsUnusable(e))
        {
            // Perhaps the key is written after the certificate, or there was no descriptor left to read them by.
            IsReloadFailing = true;
            if (isNews || e.Message != _lastProblem)
            {
                Log.ReloadFailed(Logger, _files[0], _files[1], e.Message, Expires);
            }

            _lastProblem = e.Message;
        }
    }

    private Loaded Read()
    {
        var own = ServerCertificate.Read(_files[0], _files[1], _files.Skip(2));
        return Transport == TlsTransport.OpenSsl
            ? new Loaded(own.Certificate, OpenSslContext.ForServer(own), DotNet: null)
            // Offline: no server start waits for somebody's web server.
            : new Loaded(own.Certificate, OpenSsl: null, SslStreamCertificateContext.Create(
                own.Certificate, [.. own.Intermediates], offline: true));
    }

    /// <summary>Who encrypts, of the two, when this is wanted.</summary>
    /// <exception cref="ConfigurationException">OpenSSL is wanted, and the system has none that can be used.</exception>
    internal static TlsTransport Choose(TlsTransport wanted) => (wanted, OpenSslLibrary.Problem) switch
    {
        (TlsTransport.DotNet, _) => TlsTransport.DotNet,
        (_, null) => TlsTransport.OpenSsl,
        (TlsTransport.OpenSsl, { } problem) => throw new ConfigurationException(
            $"The TLS transport 'openssl' is not to be had: {problem}. Install OpenSSL 3, or set it to 'auto' or 'dotnet'."),
        _ => TlsTransport.DotNet,
    };

    // A file that is hidden from the user that this process has become is taken for unchanged.
    private FileState[] Look() => [.. _files.Select((file, i) =>
        FileState.Of(file) is var now && now.IsHidden && i < _loadedFrom.Length ? _loadedFrom[i] : now)];

    private static bool IsUnusable(Exception e) =>
        e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException;

    // The certificate in use, in the form that its transport takes.
    private sealed record Loaded(X509Certificate2 Certificate, OpenSslContext? OpenSsl, SslStreamCertificateContext? DotNet);

    private static partial class Log
    {
        [LoggerMessage(4, LogLevel.Information, "New TLS certificate from {File}, valid until {Expires}")]
        public static partial void Reloaded(ILogger logger, string file, DateTimeOffset expires);

        [LoggerMessage(19, LogLevel.Warning, "Cannot read the changed TLS files {File} and {Key} as the user that this program has become: {Error}; the old certificate stays in use, valid until {Expires}. To use the new one: systemctl restart {Unit}")]
        public static partial void ReloadForbidden(
            ILogger logger, string file, string key, string error, DateTimeOffset expires, string unit);

        [LoggerMessage(5, LogLevel.Error, "Cannot use the changed TLS files {File} and {Key}: {Error}; the old certificate stays in use, valid until {Expires}")]
        public static partial void ReloadFailed(ILogger logger, string file, string key, string error, DateTimeOffset expires);
    }
}
