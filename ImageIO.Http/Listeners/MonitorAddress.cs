using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ImageIO.Transport.Sockets;
using Microsoft.Win32.SafeHandles;

namespace ImageIO.Http.Listeners;

/// <summary>The address for metrics and health: an IP address with a port, or a Unix socket.</summary>
public sealed class MonitorAddress
{
    // For everybody: the counts are no secret, and a loopback port would be open to all users as well.
    private const UnixFileMode SocketMode = UnixFileMode.UserRead | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private readonly string _text;
    private readonly IPEndPoint? _address;
    private readonly DnsEndPoint? _host;

    private MonitorAddress(string text, IPEndPoint? address = null, DnsEndPoint? host = null)
    {
        _text = text;
        _address = address;
        _host = host;
    }

    /// <summary>No listener.</summary>
    public static MonitorAddress None { get; } = new("");

    /// <summary>The allowed values, for an error message.</summary>
    public const string Expected =
        "HOST:PORT like 127.0.0.1:54325, the absolute path of a Unix socket, or nothing for no such listener";

    /// <summary>Whether there is a listener.</summary>
    public bool IsEnabled => _text.Length > 0;

    /// <summary>Reads an option's value. Null: it is not allowed.</summary>
    public static MonitorAddress? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0 || text[0] == '/' || text.StartsWith("\\0", StringComparison.Ordinal))
        {
            return new MonitorAddress(text);
        }

        // The platform accepts an address without a port as port 0, which means "any free port" here.
        return IPEndPoint.TryParse(text, out IPEndPoint? address)
            && text.EndsWith($":{address.Port}", StringComparison.Ordinal)
            && (address.Address.AddressFamily != AddressFamily.InterNetworkV6 || text[0] == '[')
            ? new MonitorAddress(text, address)
            : Name(text) is { } host ? new MonitorAddress(text, host: host) : null;
    }

    /// <summary>The listener.</summary>
    /// <param name="service">Its service.</param>
    /// <param name="own">Gives a socket file to its owner. Null: this process' user owns it.</param>
    /// <exception cref="ConfigurationException">The host's name does not resolve.</exception>
    public ServiceListener Listener(string service, Action<SafeFileHandle, string>? own = null)
    {
        IPEndPoint? address = _address ?? (_host is null ? null : Resolve(_host));
        return new ServiceListener
        {
            Service = service,
            IsForHost = true,
            Address = address,
            Socket = address is null ? new UnixSocket(_text, SocketMode, own) : null,
        };
    }

    /// <summary>The address as the configuration file has it.</summary>
    public override string ToString() => _text;

    private static DnsEndPoint? Name(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0
            && Uri.CheckHostName(text[..colon]) == UriHostNameType.Dns && !char.IsAsciiDigit(text[colon - 1])
            && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            ? new DnsEndPoint(text[..colon], port)
            : null;
    }

    private static IPEndPoint Resolve(DnsEndPoint host)
    {
        try
        {
            return new IPEndPoint(Dns.GetHostAddresses(host.Host)[0], host.Port);
        }
        catch (SocketException e)
        {
            throw new ConfigurationException(
                $"Cannot serve metrics on {host.Host}:{host.Port}: the name does not resolve ({e.Message}); set "
                    + $"an IP address", e);
        }
    }
}
