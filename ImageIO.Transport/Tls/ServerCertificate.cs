using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImageIO.Transport.Tls;

/// <summary>A server's certificate with its key, and the intermediates that lead to a root.</summary>
/// <remarks>
/// Issuers are found by names and key identifiers in the files. The platform's chain engine would also check against
/// the system's authorities, which is the client's task; reading those 140 files took a quarter of the daemon's start.
/// </remarks>
/// <param name="Certificate">The server's own, with its private key.</param>
/// <param name="Intermediates">From its issuer upward, without the root, which a client has or does not trust.</param>
internal sealed record ServerCertificate(X509Certificate2 Certificate, IReadOnlyList<X509Certificate2> Intermediates)
{
    /// <summary>Reads PEM files.</summary>
    /// <param name="certificateFile">The server's certificate, then further ones if any.</param>
    /// <param name="keyFile">Its private key.</param>
    /// <param name="authoritiesFiles">Further certificates.</param>
    /// <exception cref="CryptographicException">A file has no such content, or the key is another
    /// certificate's.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The user has no permission to read a file.</exception>
    public static ServerCertificate Read(string certificateFile, string keyFile, IEnumerable<string> authoritiesFiles)
    {
        // Without the usual detour by PKCS #12, which only Windows needs and which costs 100 ms of key derivation.
        var certificate = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
        var known = new X509Certificate2Collection();
        foreach (string file in authoritiesFiles.Prepend(certificateFile))
        {
            known.ImportFromPemFile(file);
        }

        return new ServerCertificate(certificate, IntermediatesOf(certificate, [.. known]));
    }

    /// <summary>The issuers of a certificate, as far as they are known.</summary>
    /// <param name="certificate">The certificate; not part of the result.</param>
    /// <param name="known">The possible issuers, in any order.</param>
    internal static IReadOnlyList<X509Certificate2> IntermediatesOf(
        X509Certificate2 certificate, IReadOnlyCollection<X509Certificate2> known)
    {
        var intermediates = new List<X509Certificate2>();
        X509Certificate2 last = certificate;
        while (!IsRoot(last) && IssuerOf(last, known.Except(intermediates)) is { } issuer && !IsRoot(issuer))
        {
            intermediates.Add(issuer);
            last = issuer;
        }

        return intermediates;
    }

    // Of several, for example while an authority renews its certificate, the one that is valid for longest.
    private static X509Certificate2? IssuerOf(X509Certificate2 certificate, IEnumerable<X509Certificate2> known) =>
        known.Where(candidate => MayHaveIssued(candidate, certificate)).MaxBy(candidate => candidate.NotAfter);

    // RFC 5280 sections 4.1.2.4 and 4.2.1.1: the name must match, and the key identifier if both have one.
    private static bool MayHaveIssued(X509Certificate2 issuer, X509Certificate2 certificate) =>
        SameName(issuer.SubjectName, certificate.IssuerName)
        && (certificate.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().FirstOrDefault()?.KeyIdentifier
                is not { } wanted
            || issuer.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault() is not { } has
            || wanted.Span.SequenceEqual(has.SubjectKeyIdentifierBytes.Span));

    private static bool IsRoot(X509Certificate2 certificate) => SameName(
        certificate.SubjectName, certificate.IssuerName);

    private static bool SameName(X500DistinguishedName one, X500DistinguishedName other) =>
        one.RawData.AsSpan().SequenceEqual(other.RawData);
}
