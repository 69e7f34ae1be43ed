using System.Net;

namespace ImageIO.Web.Options;

/// <summary>Section <c>[control]</c>: the service for the manager on this host.</summary>
public sealed record ControlOptions
{
    private const string Section = "control";

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
        bool isEnabled = reader.Boolean(Section, "enable", true);
        var address = ControlAddress.Read(reader);
        return new ControlOptions
        {
            Enable = isEnabled,
            Socket = address.Socket,
            Address = address.Address,
            RemoveTimeout = reader.Seconds(Section, "remove_timeout", 60),
        };
    }
}
