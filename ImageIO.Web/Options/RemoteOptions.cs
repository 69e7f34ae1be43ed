using System.Net;
using ImageIO.Http.Listeners;

namespace ImageIO.Web.Options;

/// <summary>Section <c>[remote]</c>: the service for clients on the network.</summary>
public sealed record RemoteOptions
{
    private const string Section = "remote";

    /// <summary>Where it listens; <c>::</c> takes IPv4 too.</summary>
    public required ListenHost Host { get; init; }

    /// <summary>Its port; 0: any free one.</summary>
    public required int Port { get; init; }

    /// <summary>The address to take.</summary>
    /// <exception cref="ConfigurationException">The host does not resolve to one.</exception>
    public IPEndPoint Address => new(Host.Resolve(), Port);

    internal static RemoteOptions Read(ConfigurationReader reader) => new()
    {
        Host = ListenHost.Read(reader, Section, "host", "::"),
        Port = reader.Integer(Section, "port", 54322, 0, ServicePort.Largest),
    };
}
