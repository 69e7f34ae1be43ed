using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>Where a ticket says its daemon is: <c>https://HOST:PORT</c>.</summary>
/// <param name="Host">A name, or an IP address without brackets.</param>
/// <param name="Port">1 to 65535.</param>
public sealed record DaemonAddress(string Host, int Port)
{
    private const string Scheme = "https://";

    /// <summary>The address as the beginning of a URL.</summary>
    public string Url => string.Create(
        CultureInfo.InvariantCulture, $"{Scheme}{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}");

    /// <summary>
    /// Parses one. An IPv6 address may stand without brackets, then the last colon comes before the port: managers write
    /// it so. Null: it is none.
    /// </summary>
    public static DaemonAddress? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.LastIndexOf(':');
        if (!text.StartsWith(Scheme, StringComparison.Ordinal) || colon < Scheme.Length
            || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            || port == 0)
        {
            return null;
        }

        string host = text[Scheme.Length..colon];
        bool isBracketed = host is ['[', .., ']'];
        if (isBracketed || host.Contains(':', StringComparison.Ordinal))
        {
            // Without a zone: one that names an interface of another host says nothing here.
            host = isBracketed ? host[1..^1] : host;
            return IPAddress.TryParse(host, out IPAddress? address)
                && address is { AddressFamily: AddressFamily.InterNetworkV6, ScopeId: 0 }
                && !host.Contains('%', StringComparison.Ordinal)
                    ? new DaemonAddress(address.ToString(), port)
                    : null;
        }

        return Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4 ? new DaemonAddress(host, port) : null;
    }
}
