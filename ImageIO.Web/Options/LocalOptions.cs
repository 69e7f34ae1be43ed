
namespace ImageIO.Web.Options;

/// <summary>Section <c>[local]</c>: the service for clients on this host.</summary>
public sealed record LocalOptions
{
    private const string Section = "local";

    /// <summary>Whether it runs.</summary>
    public required bool Enable { get; init; }

    /// <summary>Its Unix socket; abstract when it begins with <c>\0</c>, a random abstract name when empty.</summary>
    public required string Socket { get; init; }

    internal static LocalOptions Read(ConfigurationReader reader) => new()
    {
        Enable = reader.Boolean(Section, "enable", true),
        Socket = reader.Text(Section, "socket", "\\0/org/ovirt/imageio"),
    };
}
