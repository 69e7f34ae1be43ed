using System.Net;
using ImageIO.Http.Listeners;

namespace ImageIO.Proxy.Options;

/// <summary>Where metrics and health are served: an IP address with a port, or a Unix socket.</summary>
public sealed class MonitorAddress
{
    // Who may connect learns counts, and nothing secret; on a loopback port it is everybody on the host, too.
    private const UnixFileMode SocketMode = UnixFileMode.UserRead | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private readonly string _text;
    private readonly IPEndPoint? _address;

    private MonitorAddress(string text, IPEndPoint? address)
    {
        _text = text;
        _address = address;
    }

    /// <summary>What a configuration file may say, for a message about one that says something else.</summary>
    public const string Expected =
        "ADDRESS:PORT like 127.0.0.1:54325, the absolute path of a Unix socket, or nothing for no such listener";

    /// <summary>Whether there is a listener at all.</summary>
    public bool IsEnabled => _text.Length > 0;

    /// <summary>Reads an option's value. Null: it is none of what <see cref="Expected"/> says.</summary>
    public static MonitorAddress? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0 || text[0] == '/' || text.StartsWith("\\0", StringComparison.Ordinal))
        {
            return new MonitorAddress(text, address: null);
        }

        // The platform's parser takes an address without a port, as one with port 0, which here is "any free port".
        return IPEndPoint.TryParse(text, out IPEndPoint? address) && text.EndsWith($":{address.Port}", StringComparison.Ordinal)
            && (address.Address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6 || text[0] == '[')
            ? new MonitorAddress(text, address)
            : null;
    }

    /// <summary>The listener.</summary>
    internal ServiceListener Listener(string service) => new()
    {
        Service = service,
        IsForHost = true,
        Address = _address,
        Socket = _address is null ? new UnixSocket(_text, SocketMode) : null,
    };

    /// <summary>The address as the configuration file has it.</summary>
    public override string ToString() => _text;
}
