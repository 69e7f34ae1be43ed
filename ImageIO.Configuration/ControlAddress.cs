using System.Net;

namespace ImageIO.Configuration;

/// <summary>Address of the daemon's control service, by section <c>[control]</c>: a Unix socket, or a loopback
/// port.</summary>
/// <param name="Socket">The Unix socket, if <see cref="Address"/> is null.</param>
/// <param name="Address">The loopback address. Null: a Unix socket.</param>
public sealed record ControlAddress(string Socket, IPEndPoint? Address)
{
    private const string Section = "control";
    private const string Unix = "unix";
    private const string Tcp = "tcp";
    private const int NoPort = -1;

    /// <summary>Reads the section.</summary>
    /// <exception cref="ConfigurationException">An option is wrong.</exception>
    public static ControlAddress Read(ConfigurationReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        string transport = reader.Choice(Section, "transport", Unix, Unix, Tcp);
        bool preferIPv4 = reader.Boolean(Section, "prefer_ipv4", true);
        string socket = reader.Text(Section, "socket", "/run/ovirt-imageio/sock");
        int port = reader.Integer(Section, "port", NoPort, NoPort, ServicePort.Largest);
        if (transport == Tcp && port == NoPort)
        {
            throw reader.Wrong(Section, "port", $"a port from 0 to {ServicePort.Largest}, because transport is tcp");
        }

        return new ControlAddress(
            socket,
            transport == Tcp ? new IPEndPoint(preferIPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback, port) : null);
    }
}
