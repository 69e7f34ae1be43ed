using ImageIO.Http.Forwarding;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>Where a ticket says its daemon is: <c>https://HOST:PORT</c>.</summary>
/// <param name="Host">A name, or an IP address without brackets.</param>
/// <param name="Port">1 to 65535.</param>
public sealed record DaemonAddress(string Host, int Port)
{
    /// <summary>The address as the beginning of a URL.</summary>
    public string Url => Upstream.Origin;

    internal UpstreamUrl Upstream => new(IsTls: true, Host, Port, Path: "");

    /// <summary>
    /// Parses one. An IPv6 address may stand without brackets, then the last colon comes before the port: managers write
    /// it so. One slash may follow. Null: it is none.
    /// </summary>
    public static DaemonAddress? Parse(string text) =>
        UpstreamUrl.Parse(text, isPortRequired: true) is { IsTls: true, Path: "" or "/" } url
            ? new DaemonAddress(url.Host, url.Port)
            : null;
}
