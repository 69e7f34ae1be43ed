using ImageIO.Core.Backends;

namespace ImageIO.Backends.Nbd.Addresses;

/// <summary>The server and export in an NBD URL.</summary>
/// <param name="Server">The server.</param>
/// <param name="ExportName">Name of the export; empty: the server's default.</param>
/// <param name="Tls">Whether the connection must be encrypted.</param>
internal sealed record NbdUrl(ServerAddress Server, string ExportName, bool Tls)
{
    /// <summary>The port of NBD servers (IANA).</summary>
    public const int DefaultPort = 10809;

    /// <summary>Most bytes of an export's name in UTF-8 (NBD's doc/proto.md).</summary>
    public const int LongestName = 4096;

    /// <summary>The schemes of all forms.</summary>
    public static IReadOnlyCollection<string> Schemes { get; } = ["nbd", "nbds", "nbd+unix", "nbds+unix"];

    /// <summary>The name that the server's certificate must have, for an encrypted connection.</summary>
    public string TlsHostName { get; init; } = "";

    /// <summary>Parses any form of an NBD URL.</summary>
    /// <exception cref="FormatException">It has none of the forms; the message says what is wrong.</exception>
    public static NbdUrl Parse(ImageUrl url)
    {
        NbdUrl parsed = url.Rest.StartsWith("//", StringComparison.Ordinal)
            ? NbdUri.Parse(url.Scheme, url.Rest[2..])
            : url.Scheme == "nbd"
                ? NbdColonForm.Parse(url.Rest)
                : throw new FormatException($"'//' must follow {url.Scheme}:");
        return System.Text.Encoding.UTF8.GetByteCount(parsed.ExportName) <= LongestName
            ? parsed
            : throw new FormatException($"the export's name has more than {LongestName} bytes");
    }
}
