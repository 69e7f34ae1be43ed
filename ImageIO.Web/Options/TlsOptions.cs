using ImageIO.Http.Listeners;
using ImageIO.Transport.Tls;

namespace ImageIO.Web.Options;

/// <summary>Section <c>[tls]</c>.</summary>
public sealed record TlsOptions
{
    private const string Section = "tls";

    /// <summary>Whether the remote service speaks TLS.</summary>
    public required bool Enable { get; init; }

    /// <summary>PEM file of the private key.</summary>
    public required string KeyFile { get; init; }

    /// <summary>PEM file of the certificate.</summary>
    public required string CertificateFile { get; init; }

    /// <summary>PEM file of the authorities. Empty: none.</summary>
    public required string AuthoritiesFile { get; init; }

    internal static TlsOptions Read(ConfigurationReader reader)
    {
        var options = new TlsOptions
        {
            Enable = reader.Boolean(Section, "enable", true),
            KeyFile = reader.Text(Section, "key_file", ""),
            CertificateFile = reader.Text(Section, "cert_file", ""),
            AuthoritiesFile = reader.Text(Section, "ca_file", ""),
        };
        TlsTransportOption.Read(reader, Section, "transport");
        if (reader.Boolean(Section, "enable_tls1_1", false))
        {
            reader.Warn(Section, "enable_tls1_1", "TLS 1.1 is not served any more (RFC 8996), clients need 1.2 or 1.3; "
                + "remove the option");
        }

        return options;
    }

    /// <summary>The server's TLS, or null when it is switched off.</summary>
    /// <exception cref="ConfigurationException">A file is not set or not usable.</exception>
    internal ServerTls? Load()
    {
        if (!Enable)
        {
            return null;
        }

        if (KeyFile.Length == 0 || CertificateFile.Length == 0)
        {
            throw new ConfigurationException(
                "Section [tls] is enabled, but key_file or cert_file is not set; set both to PEM files, "
                    + "or enable = false");
        }

        return ServerTls.Load(CertificateFile, KeyFile, AuthoritiesFile);
    }
}
