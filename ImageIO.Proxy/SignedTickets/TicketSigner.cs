using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>Signs tickets as a manager does, to use a proxy without an Engine.</summary>
public sealed class TicketSigner
{
    // SHA-256 where Engine takes SHA-1. Every proxy that reads 'digest' supports it.
    private const string Digest = "sha256";
    private const int SaltBytes = 8;

    private readonly string _certificate;
    private readonly RsaPrivateCrtKeyParameters _key;
    private readonly TimeProvider _time;

    /// <summary>Creates a signer.</summary>
    /// <param name="certificatePem">The signer's certificate, as PEM; readers ignore it.</param>
    /// <param name="key">Its RSA key, at least 2048 bits; not kept.</param>
    /// <param name="time">The clock.</param>
    public TicketSigner(string certificatePem, RSA key, TimeProvider time)
    {
        _certificate = certificatePem;
        _key = (RsaPrivateCrtKeyParameters)DotNetUtilities.GetRsaKeyPair(key).Private;
        _time = time;
    }

    /// <summary>A signed ticket for one transfer.</summary>
    /// <param name="daemon">The daemon that serves the image.</param>
    /// <param name="ticketId">The ticket at the daemon.</param>
    /// <param name="transferId">The transfer's name in logs. Empty: none.</param>
    /// <param name="lifetime">How long it is valid from now on, in whole seconds.</param>
    /// <param name="forms">The signatures.</param>
    public string Sign(
        DaemonAddress daemon, string ticketId, string transferId, TimeSpan lifetime, SignatureForms forms)
    {
        ArgumentNullException.ThrowIfNull(daemon);
        long now = _time.GetUtcNow().ToUnixTimeSeconds();
        long end = now + (long)lifetime.TotalSeconds;
        var payload = new JsonObject
        {
            ["iat"] = now,
            ["nbf"] = now,
            ["exp"] = end,
            ["imaged-uri"] = daemon.Url,
            ["transfer-ticket"] = ticketId,
        };
        if (transferId.Length > 0)
        {
            payload["transfer-id"] = transferId;
        }

        return Sign(
            payload.ToJsonString(),
            DateTimeOffset.FromUnixTimeSeconds(now), DateTimeOffset.FromUnixTimeSeconds(end), forms);
    }

    /// <summary>A signed ticket with a given payload.</summary>
    /// <param name="payload">JSON text.</param>
    /// <param name="validFrom">Start of its validity, inclusive.</param>
    /// <param name="validTo">End of its validity, inclusive.</param>
    /// <param name="forms">The signatures.</param>
    public string Sign(string payload, DateTimeOffset validFrom, DateTimeOffset validTo, SignatureForms forms)
    {
        var signed = new List<KeyValuePair<string, string>>
        {
            new("salt", Convert.ToBase64String(RandomNumberGenerator.GetBytes(SaltBytes))),
            new("validFrom", Stamp(validFrom)),
            new("validTo", Stamp(validTo)),
            new("data", payload),
        };
        if (forms.HasFlag(SignatureForms.Pkcs1))
        {
            signed.Insert(1, new("digest", Digest));
        }

        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(signed.Select(field => field.Value)));
        var ticket = new JsonObject(signed.Select(field => KeyValuePair.Create(field.Key, (JsonNode?)field.Value)))
        {
            ["signedFields"] = string.Join(",", signed.Select(field => field.Key)),
            ["certificate"] = _certificate,
        };
        if (forms.HasFlag(SignatureForms.Pkcs1))
        {
            ticket["signature"] = Signature(RsaSignature.WithHash(Digest)!, bytes);
        }

        if (forms.HasFlag(SignatureForms.Pss))
        {
            ticket["v2_signature"] = Signature(RsaSignature.Pss(_key), bytes);
        }

        return Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(ticket));
    }

    private string Signature(ISigner scheme, byte[] bytes)
    {
        scheme.Init(true, _key);
        scheme.BlockUpdate(bytes);
        return Convert.ToBase64String(scheme.GenerateSignature());
    }

    private static string Stamp(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture);
}
