using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;

namespace ImageIO.Http.Listeners;

/// <summary>Marks a connection as one with TLS, so that the server uses the scheme https.</summary>
internal sealed class HttpsScheme : ITlsConnectionFeature
{
    /// <summary>Null: clients authenticate by tickets, not by certificates.</summary>
    public X509Certificate2? ClientCertificate { get; set; }

    /// <inheritdoc />
    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) =>
        Task.FromResult<X509Certificate2?>(null);
}
