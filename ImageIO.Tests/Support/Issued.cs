using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImageIO.Tests.Support;

/// <summary>A certificate that an authority, or its own key, has signed; with its key.</summary>
internal sealed record Issued(X509Certificate2 Certificate, ECDsa Key)
{
    /// <param name="name">Its distinguished name.</param>
    /// <param name="issuer">The signer. Null: itself.</param>
    /// <param name="days">Days of validity.</param>
    /// <param name="startDay">Start of validity, in days from now.</param>
    /// <param name="purposes">Object identifiers of its extended key usages. None: every purpose.</param>
    public static Issued Authority(
        string name, Issued? issuer = null, int days = 2, int startDay = -1, params string[] purposes) =>
        Issue(name, issuer, isAuthority: true, days, startDay, purposes);

    /// <inheritdoc cref="Authority" />
    public static Issued Server(string name, Issued issuer, params string[] purposes) =>
        Issue(name, issuer, isAuthority: false, days: 2, startDay: -1, purposes);

    private static Issued Issue(
        string name, Issued? issuer, bool isAuthority, int days, int startDay, string[] purposes)
    {
        DateTimeOffset start = TimeProvider.System.GetUtcNow().AddDays(startDay);
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        if (purposes.Length > 0)
        {
            request.CertificateExtensions.Add(
                new X509EnhancedKeyUsageExtension([.. purposes.Select(oid => new Oid(oid))], true));
        }

        var keyId = new X509SubjectKeyIdentifierExtension(request.PublicKey, false);
        request.CertificateExtensions.Add(keyId);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(
            issuer?.Certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single() ?? keyId));
        X509Certificate2 certificate = issuer is null
            ? request.CreateSelfSigned(start, start.AddDays(days))
            : request.Create(
                issuer.Certificate.SubjectName,
                X509SignatureGenerator.CreateForECDsa(issuer.Key),
                start,
                start.AddDays(days),
                RandomNumberGenerator.GetBytes(8));
        return new Issued(certificate, key);
    }
}
