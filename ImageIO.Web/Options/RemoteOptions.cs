using System.Net;
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

    internal static RemoteOptions Read(ConfigurationReader reader) => new()
    {
        Address = new IPEndPoint(reader.Address(Section, "host", "::"), reader.Integer(Section, "port", 54322, 0, LargestPort)),
    };
}
