using System.Security.Cryptography;
using System.Text.RegularExpressions;
using ImageIO.Core.Errors;

namespace ImageIO.Http.Messages;

/// <summary>
/// A <c>Content-Digest</c> header (RFC 9530): digests that the body must have. Unknown algorithms are ignored, as the
/// RFC requires; every known one must match.
/// </summary>
public sealed partial class ContentDigest
{
    private readonly List<(string Name, IncrementalHash Hash, byte[] Expected)> _digests = [];

    private ContentDigest()
    {
    }

    /// <summary>Parses the header.</summary>
    /// <returns>Null when there is no header, or none of its algorithms is known.</returns>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: malformed.</exception>
    public static ContentDigest? Parse(string? header)
    {
        if (header is null)
        {
            return null;
        }

        var digest = new ContentDigest();
        foreach (string member in header.Split(','))
        {
            Match match = Member().Match(member);
            if (!match.Success || !TryDecode(match.Groups["value"].Value, out byte[] expected))
            {
                throw new TransferException(
                    TransferError.InvalidRequest, "Invalid Content-Digest, expected like sha-256=:BASE64:");
            }

            string name = match.Groups["name"].Value;
            if (AlgorithmOf(name) is not { } algorithm)
            {
                continue;
            }

            var hash = IncrementalHash.CreateHash(algorithm);
            if (expected.Length != hash.HashLengthInBytes)
            {
                throw new TransferException(
                    TransferError.InvalidRequest,
                    $"Invalid Content-Digest, a {name} has {hash.HashLengthInBytes} bytes, not {expected.Length}");
            }

            digest._digests.Add((name, hash, expected));
        }

        return digest._digests.Count > 0 ? digest : null;
    }

    /// <summary>The body, hashed while it is read.</summary>
    public Stream Wrap(Stream body) => new HashingStream(body, bytes =>
    {
        foreach ((_, IncrementalHash hash, _) in _digests)
        {
            hash.AppendData(bytes.Span);
        }
    });

    /// <summary>Compares the digests after the whole body was read.</summary>
    /// <param name="offset">Where the body was written, for the message.</param>
    /// <param name="length">Bytes of the body.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.DigestMismatch"/>, naming the range that is now undefined.
    /// </exception>
    public void Verify(long offset, long length)
    {
        foreach ((string name, IncrementalHash hash, byte[] expected) in _digests)
        {
            if (!hash.GetHashAndReset().AsSpan().SequenceEqual(expected))
            {
                throw new TransferException(
                    TransferError.DigestMismatch,
                    $"The body's {name} does not match Content-Digest; {length} bytes at {offset} were written and are "
                    + "undefined now, send them again");
            }
        }
    }

    private static HashAlgorithmName? AlgorithmOf(string name) => name switch
    {
        "sha-256" => HashAlgorithmName.SHA256,
        "sha-512" => HashAlgorithmName.SHA512,
        _ => null,
    };

    private static bool TryDecode(string base64, out byte[] bytes)
    {
        bytes = new byte[base64.Length];
        bool valid = Convert.TryFromBase64String(base64, bytes, out int length);
        bytes = bytes[..length];
        return valid;
    }

    // A dictionary member whose value is a byte sequence (RFC 8941 sections 3.2 and 3.3.5).
    [GeneratedRegex(@"^\s*(?<name>[a-z][a-z0-9_.*-]*)=:(?<value>[A-Za-z0-9+/=]*):\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex Member();
}
