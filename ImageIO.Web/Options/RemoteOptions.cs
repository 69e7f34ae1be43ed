using System.Net;
using System.Net.Sockets;
using ImageIO.Http.Hosting;

namespace ImageIO.Web.Options;

/// <summary>Section <c>[remote]</c>: the service for clients on the network.</summary>
public sealed record RemoteOptions
{
    private const string Section = "remote";

    // 65535 is refused with the reference: it once meant "no port" to managers.
    private const int LargestPort = 65534;

    /// <summary>Where it listens; <c>::</c> takes IPv4 too, port 0 any free port.</summary>
    public required IPEndPoint Address { get; init; }

    internal static RemoteOptions Read(ConfigurationReader reader)
    {
        IPAddress address = reader.Parsed(
            Section, "host", IPAddress.IPv6Any, Resolve, "an IP address, or a name that resolves to one");
        return new RemoteOptions
        {
            // Without IPv6 in the kernel, "all addresses" are the IPv4 ones.
            Address = new IPEndPoint(
                address.Equals(IPAddress.IPv6Any) && !Socket.OSSupportsIPv6 ? IPAddress.Any : address,
                reader.Integer(Section, "port", 54322, 0, LargestPort)),
        };
    }

    private static IPAddress? Resolve(string host)
    {
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            return address;
        }

        try
        {
            return host.Length == 0 ? IPAddress.IPv6Any : Dns.GetHostAddresses(host).FirstOrDefault();
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
