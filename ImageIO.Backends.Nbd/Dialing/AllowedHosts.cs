using System.Net;
using System.Net.Sockets;

namespace ImageIO.Backends.Nbd.Dialing;

/// <summary>The TCP addresses that may be connected to: none, this host's own, any, or those of some hosts.</summary>
internal sealed class AllowedHosts
{
    private readonly bool _any;
    private readonly bool _loopback;
    private readonly IReadOnlyList<(string Host, int? Port)> _hosts;

    private AllowedHosts(bool any, bool loopback, IReadOnlyList<(string Host, int? Port)> hosts)
    {
        _any = any;
        _loopback = loopback;
        _hosts = hosts;
    }

    /// <summary>Addresses of this host only.</summary>
    public static AllowedHosts Loopback { get; } = new(any: false, loopback: true, []);

    /// <summary>Any address.</summary>
    public static AllowedHosts Any { get; } = new(any: true, loopback: true, []);

    /// <summary>
    /// Parses <c>none</c>, <c>any</c>, or <c>loopback</c> and <c>HOST[:PORT]</c> separated by blanks. Null: it is none
    /// of these.
    /// </summary>
    public static AllowedHosts? TryParse(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is ["none"])
        {
            return new AllowedHosts(any: false, loopback: false, []);
        }

        if (words is ["any"])
        {
            return Any;
        }

        var hosts = new List<(string, int?)>();
        foreach (string word in words.Where(word => word != "loopback"))
        {
            // These two words must stand alone, and are no host names.
            if (word is "none" or "any" || ParseHost(word) is not { } host)
            {
                return null;
            }

            hosts.Add(host);
        }

        return words.Length == 0 ? null : new AllowedHosts(any: false, words.Contains("loopback"), hosts);
    }

    /// <summary>
    /// Whether an address may be connected to. Names of hosts are resolved each time, as they change.
    /// </summary>
    public async ValueTask<bool> AllowAsync(IPAddress address, int port, CancellationToken cancellationToken)
    {
        IPAddress plain = Plain(address);
        if (_any || (_loopback && IPAddress.IsLoopback(plain)))
        {
            return true;
        }

        foreach ((string host, int? only) in _hosts)
        {
            if ((only is null || only == port) && (await ResolveAsync(host, cancellationToken)).Contains(plain))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The addresses of a host. Empty: the name is unknown.</summary>
    public static async ValueTask<IReadOnlyList<IPAddress>> ResolveAsync(
        string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            return [Plain(address)];
        }

        try
        {
            return [.. (await Dns.GetHostAddressesAsync(host, cancellationToken)).Select(Plain)];
        }
        catch (SocketException)
        {
            return [];
        }
    }

    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    // "[::1]:10809", "host:10809", "10.0.0.1", and an IPv6 address without brackets, which then has no port.
    private static (string Host, int? Port)? ParseHost(string word)
    {
        if (!word.Contains("]:", StringComparison.Ordinal)
            && IPAddress.TryParse(word.Trim('[', ']'), out IPAddress? address))
        {
            return (address.ToString(), null);
        }

        int colon = word.LastIndexOf(':');
        string host = (colon < 0 ? word : word[..colon]).Trim('[', ']');
        if (Uri.CheckHostName(host) is UriHostNameType.Unknown or UriHostNameType.Basic)
        {
            return null;
        }

        return colon < 0 ? (host, null)
            : ushort.TryParse(word.AsSpan(colon + 1), out ushort port) && port > 0 ? (host, port) : null;
    }
}
