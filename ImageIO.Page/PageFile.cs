using System.Security.Cryptography;

namespace ImageIO.Page;

/// <summary>One file of the page, as it is served.</summary>
/// <param name="Name">Its name, without a folder.</param>
/// <param name="Content">Its bytes.</param>
internal sealed record PageFile(string Name, byte[] Content)
{
    /// <summary>Its media type. Browsers are told not to guess.</summary>
    public string ContentType => Path.GetExtension(Name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => throw new InvalidOperationException($"No content type is known for the page's file {Name}"),
    };

    /// <summary>A strong validator (RFC 9110 section 8.8.3): the same bytes have the same.</summary>
    public string ETag { get; } = $"\"{Convert.ToHexStringLower(SHA256.HashData(Content))[..32]}\"";
}
