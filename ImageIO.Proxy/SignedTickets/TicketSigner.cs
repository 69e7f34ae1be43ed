using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>Signs tickets as a manager does, so that others than Engine can use a proxy.</summary>
public sealed class TicketSigner
{
    // SHA-256 where Engine takes SHA-1: every proxy that reads 'digest' knows it.
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
    /// <param name="transferId">What logs call the transfer. Empty: nothing.</param>
    /// <param name="lifetime">How long from now on it may be used, whole seconds.</param>
    /// <param name="forms">Which signatures it bears.</param>
    public string Sign(DaemonAddress daemon, string ticketId, string transferId, TimeSpan lifetime, SignatureForms forms)
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
            payload.ToJsonString(), DateTimeOffset.FromUnixTimeSeconds(now), DateTimeOffset.FromUnixTimeSeconds(end), forms);
    }

    /// <summary>A signed ticket with a payload of its own.</summary>
    /// <param name="payload">JSON text.</param>
    /// <param name="validFrom">From when it may be used, inclusive.</param>
    /// <param name="validTo">Until when it may be used, inclusive.</param>
    /// <param name="forms">Which signatures it bears.</param>
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
