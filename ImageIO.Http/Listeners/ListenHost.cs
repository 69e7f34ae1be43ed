using System.Net;
using System.Net.Sockets;

namespace ImageIO.Http.Listeners;

/// <summary>
/// The host of a listen address in a configuration file: an IP address, a name, or empty or <c>::</c> for all
/// addresses. A name is resolved when the address is taken.
/// </summary>
public sealed class ListenHost
{
    private readonly string _text;
    private readonly ConfigurationException _wrong;

    private ListenHost(string text, ConfigurationException wrong)
    {
        _text = text;
        _wrong = wrong;
    }

    /// <summary>Reads an option.</summary>
    public static ListenHost Read(ConfigurationReader reader, string section, string name, string ifMissing)
    {
        ArgumentNullException.ThrowIfNull(reader);
        return new ListenHost(
            reader.Text(section, name, ifMissing),
            reader.Wrong(section, name, "an IP address, or a name that resolves to one"));
    }

    /// <summary>The address.</summary>
    /// <exception cref="ConfigurationException">The name does not resolve to one.</exception>
    public IPAddress Resolve()
    {
        if (_text.Length == 0 || _text == "::")
        {
            // Without IPv6 in the kernel, all addresses are the IPv4 ones.
            return Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        }

        if (IPAddress.TryParse(_text, out IPAddress? address))
        {
            return address;
        }

        try
        {
            return Dns.GetHostAddresses(_text).FirstOrDefault() ?? throw _wrong;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw _wrong;
        }
    }
}
