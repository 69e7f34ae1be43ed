namespace ImageIO.Http.Listeners;

/// <summary>Who encrypts.</summary>
public enum TlsTransport
{
    /// <summary>OpenSSL on the socket itself, where the system has OpenSSL 3; else .NET.</summary>
    Auto,

    /// <summary>OpenSSL on the socket itself.</summary>
    OpenSsl,

    /// <summary>.NET's <see cref="System.Net.Security.SslStream"/>.</summary>
    DotNet,
}
