using System.Net;
using ImageIO.Http.Hosting;

namespace ImageIO.Web.Options;

/// <summary>Section <c>[control]</c>: the service for the manager on this host.</summary>
public sealed record ControlOptions
{
    private const string Section = "control";
    private const string Unix = "unix";
    private const string Tcp = "tcp";
    private const int NoPort = -1;
    private const int LargestPort = 65534;

    /// <summary>Whether it runs.</summary>
    public required bool Enable { get; init; }

    /// <summary>Its Unix socket, when <see cref="Address"/> is null.</summary>
    public required string Socket { get; init; }

    /// <summary>Its loopback address. Null: a Unix socket.</summary>
    public required IPEndPoint? Address { get; init; }

    /// <summary>How long removing a ticket waits for its running operations; zero: not at all.</summary>
    public required TimeSpan RemoveTimeout { get; init; }

    internal static ControlOptions Read(ConfigurationReader reader)
    {
        string transport = reader.Choice(Section, "transport", Unix, Unix, Tcp);
        int port = reader.Integer(Section, "port", NoPort, NoPort, LargestPort);
        bool preferIPv4 = reader.Boolean(Section, "prefer_ipv4", true);
        if (transport == Tcp && port == NoPort)
        {
            throw reader.Wrong(Section, "port", $"a port from 0 to {LargestPort}, because transport is tcp");
        }

        return new ControlOptions
        {
            Enable = reader.Boolean(Section, "enable", true),
            Socket = reader.Text(Section, "socket", "/run/ovirt-imageio/sock"),
            Address = transport == Tcp
                ? new IPEndPoint(preferIPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback, port)
                : null,
            RemoveTimeout = reader.Seconds(Section, "remove_timeout", 60),
        };
    }
}
