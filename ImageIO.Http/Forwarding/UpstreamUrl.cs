using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ImageIO.Http.Forwarding;

/// <summary>The address of a daemon that requests are forwarded to: a ticket's URL, parsed.</summary>
/// <param name="IsTls">Whether it speaks TLS.</param>
/// <param name="Host">A name in ASCII, or an IP address without brackets.</param>
/// <param name="Port">1 to 65535.</param>
/// <param name="Path">From the first slash after the port on, percent-encoded. May be empty.</param>
public sealed record UpstreamUrl(bool IsTls, string Host, int Port, string Path)
{
    private const string Https = "https://";
    private const string Http = "http://";

    /// <summary>Host and port in the form of a URL and of a <c>Host</c> header.</summary>
    public string Authority => string.Create(
        CultureInfo.InvariantCulture, $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}");

    /// <summary>The URL without its path.</summary>
    public string Origin => (IsTls ? Https : Http) + Authority;

    /// <summary>
    /// Parses a URL. An IPv6 address may have no brackets, because managers write it so; the last colon then precedes
    /// the port. Null: it cannot be forwarded to, for example because it has a user name, query or fragment.
    /// </summary>
    /// <param name="text">The URL.</param>
    /// <param name="isPortRequired">Whether to refuse a URL without a port, instead of using its scheme's port.</param>
    public static UpstreamUrl? Parse(string text, bool isPortRequired = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        bool isTls = text.StartsWith(Https, StringComparison.OrdinalIgnoreCase);
        if ((!isTls && !text.StartsWith(Http, StringComparison.OrdinalIgnoreCase))
            || text.AsSpan().IndexOfAnyInRange('\0', ' ') >= 0 || text.AsSpan().IndexOfAny('?', '#', '\u007f') >= 0)
        {
            return null;
        }

        string rest = text[(isTls ? Https : Http).Length..];
        int slash = rest.IndexOf('/', StringComparison.Ordinal);
        string authority = slash < 0 ? rest : rest[..slash];
        string path = slash < 0 ? "" : rest[slash..];
        int port = isTls ? 443 : 80;
        int colon = authority.EndsWith(']') ? -1 : authority.LastIndexOf(':');
        if (colon >= 0)
        {
            if (!ushort.TryParse(
                    authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort given)
                || given == 0)
            {
                return null;
            }

            port = given;
            authority = authority[..colon];
        }
        else if (isPortRequired)
        {
            return null;
        }

        return HostOf(authority) is { } host ? new UpstreamUrl(isTls, host, port, Encoded(path)) : null;
    }

    // A request line is ASCII, but managers may use any letters in a path.
    private static string Encoded(string path) => path.All(char.IsAscii)
        ? path
        : string.Concat(path.EnumerateRunes().Select(
            rune => rune.IsAscii ? rune.ToString() : Uri.EscapeDataString(rune.ToString())));

    private static string? InAscii(string name)
    {
        try
        {
            return name.All(char.IsAscii) ? name : new IdnMapping().GetAscii(name);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static string? HostOf(string text)
    {
        bool isBracketed = text is ['[', .., ']'];
        if (!isBracketed && !text.Contains(':', StringComparison.Ordinal))
        {
            return Uri.CheckHostName(text) is UriHostNameType.Dns or UriHostNameType.IPv4 ? InAscii(text) : null;
        }

        // No zone: it names an interface of another host.
        string address = isBracketed ? text[1..^1] : text;
        return !address.Contains('%', StringComparison.Ordinal)
            && IPAddress.TryParse(address, out IPAddress? parsed)
            && parsed is { AddressFamily: AddressFamily.InterNetworkV6, ScopeId: 0 }
                ? parsed.ToString()
                : null;
    }
}
