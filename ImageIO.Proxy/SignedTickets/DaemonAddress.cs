using ImageIO.Http.Forwarding;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>The daemon's address in a ticket: <c>https://HOST:PORT</c>.</summary>
/// <param name="Host">A name, or an IP address without brackets.</param>
/// <param name="Port">1 to 65535.</param>
public sealed record DaemonAddress(string Host, int Port)
{
    /// <summary>The address as the start of a URL.</summary>
    public string Url => Upstream.Origin;

    internal UpstreamUrl Upstream => new(IsTls: true, Host, Port, Path: "");

    /// <summary>
    /// Parses an address. An IPv6 address may have no brackets, because managers write it so; the last colon then
    /// precedes the port. One slash may follow. Null: malformed.
    /// </summary>
    public static DaemonAddress? Parse(string text) =>
        UpstreamUrl.Parse(text, isPortRequired: true) is { IsTls: true, Path: "" or "/" } url
            ? new DaemonAddress(url.Host, url.Port)
            : null;
}
