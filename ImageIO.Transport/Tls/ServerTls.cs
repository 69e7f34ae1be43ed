using System.Reflection;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Transport.Files;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Transport.Tls;

/// <summary>
/// The server's side of TLS 1.2 and 1.3, with certificate and key from PEM files. When the files change, new
/// connections get the new certificate. Files that cannot be used change nothing.
/// </summary>
public sealed partial class ServerTls
{
    // Files that could not be used are tried again, but not for each of many connections.
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    private readonly string[] _files;
    private readonly Lock _lock = new();
    private FileState[] _loadedFrom = [];
    private long _triedAt;
    private string? _lastProblem;

    // A replaced one is left to its finalizers, because a connection may just be opening with it.
    private Loaded _loaded;

    private ServerTls(string[] files)
    {
        _files = files;
        _loadedFrom = Look();
        _loaded = Read();
    }

    /// <summary>The log for reloads; set when the host is built.</summary>
    public ILogger Logger { get; set; } = NullLogger.Instance;

    /// <summary>The clock; set when the host is built.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>Name and version of the TLS library, for logs.</summary>
    public static string Library => OpenSslLibrary.Name;

    /// <summary>When the certificate in use expires.</summary>
    public DateTimeOffset Expires => _loaded.Certificate.NotAfter;

    /// <summary>Whether the newest files cannot be used, so an older certificate is served.</summary>
    public bool IsReloadFailing { get; private set; }

    /// <summary>Loads certificate and key.</summary>
    /// <param name="certificateFile">PEM: the server's certificate, then its intermediates if any.</param>
    /// <param name="keyFile">PEM: its private key.</param>
    /// <param name="authoritiesFile">PEM: certificates that complete the chain sent to clients. Empty: none.</param>
    /// <exception cref="TransportException">A file is missing or has wrong content, or the system has no usable
    /// OpenSSL.</exception>
    public static ServerTls Load(string certificateFile, string keyFile, string authoritiesFile)
    {
        OpenSslLibrary.Require();
        try
        {
            return new ServerTls(
                [certificateFile, keyFile, .. authoritiesFile.Length > 0 ? [authoritiesFile] : Array.Empty<string>()]);
        }
        catch (Exception e) when (IsUnusable(e))
        {
            throw new TransportException(
                $"Cannot load the TLS certificate {certificateFile} with the key {keyFile}: {e.Message} "
                + "Both must be PEM files, and the key must be the certificate's.",
                e);
        }
    }

    /// <summary>Checks the files now, and tries files again that could not be used.</summary>
    public void Refresh() => _ = Current(isAsked: true);

    /// <summary>Settings for a new connection, with the newest usable certificate.</summary>
    internal OpenSslContext CurrentContext() => Current().Settings;

    // Checks the files for each connection: three stat calls are cheap beside a handshake, and a renewed certificate is
    // used at once.
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
            // Root read the first key. The renewed one is root's as well, but this process no longer is.
            IsReloadFailing = true;
            if (isNews)
            {
                Log.ReloadForbidden(Logger, _files[0], _files[1], e.Message, Expires, Unit);
            }
        }
        catch (Exception e) when (IsUnusable(e))
        {
            // Perhaps the key is written after the certificate, or no descriptor was free.
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
        return new Loaded(own.Certificate, OpenSslContext.ForServer(own));
    }

    // A file that is hidden from this process' new user counts as unchanged.
    private FileState[] Look() => [.. _files.Select((file, i) =>
        FileState.Of(file) is var now && now.IsHidden && i < _loadedFrom.Length ? _loadedFrom[i] : now)];

    // Services are named after their programs.
    private static string Unit => Assembly.GetEntryAssembly()?.GetName().Name ?? "ovirt-imageio";

    private static bool IsUnusable(Exception e) =>
        e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException;

    private sealed record Loaded(X509Certificate2 Certificate, OpenSslContext Settings);

    private static partial class Log
    {
        [LoggerMessage(4, LogLevel.Information, "New TLS certificate from {File}, valid until {Expires}")]
        public static partial void Reloaded(ILogger logger, string file, DateTimeOffset expires);

        [LoggerMessage(19, LogLevel.Warning, "Cannot read the changed TLS files {File} and {Key} as the user that this "
            + "program has become: {Error}; the old certificate stays in use, valid until {Expires}. To use the new "
            + "one: systemctl restart {Unit}")]
        public static partial void ReloadForbidden(
            ILogger logger, string file, string key, string error, DateTimeOffset expires, string unit);

        [LoggerMessage(5, LogLevel.Error, "Cannot use the changed TLS files {File} and {Key}: {Error}; the old "
            + "certificate stays in use, valid until {Expires}")]
        public static partial void ReloadFailed(
            ILogger logger, string file, string key, string error, DateTimeOffset expires);
    }
}
