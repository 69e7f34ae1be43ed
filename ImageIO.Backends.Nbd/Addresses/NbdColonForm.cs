namespace ImageIO.Backends.Nbd.Addresses;

/// <summary>
/// The form of Vdsm and libvirt: <c>nbd:unix:PATH[:exportname=NAME]</c> and <c>nbd:HOST:PORT[:exportname=NAME]</c>.
/// Nothing in it is encoded.
/// </summary>
internal static class NbdColonForm
{
    private const string Unix = "unix:";
    private const string ExportName = ":exportname=";

    /// <summary>Parses the text after <c>nbd:</c>.</summary>
    /// <exception cref="FormatException">It has neither form.</exception>
    public static NbdUrl Parse(string text) =>
        text.StartsWith(Unix, StringComparison.Ordinal) ? ParseUnix(text[Unix.Length..]) : ParseTcp(text);

    // The path ends at the first colon. The name is the rest, including colons and slashes.
    private static NbdUrl ParseUnix(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return new NbdUrl(ServerAddress.Unix(text), "", Tls: false);
        }

        return text.AsSpan(colon).StartsWith(ExportName, StringComparison.Ordinal)
            ? new NbdUrl(ServerAddress.Unix(text[..colon]), text[(colon + ExportName.Length)..], Tls: false)
            : throw new FormatException("only :exportname=NAME may follow the path of the socket");
    }

    // The host may be an IPv6 address without brackets, so the port follows the last colon.
    private static NbdUrl ParseTcp(string text)
    {
        int name = text.IndexOf(ExportName, StringComparison.Ordinal);
        string server = name < 0 ? text : text[..name];
        int colon = server.LastIndexOf(':');
        return colon > 0
            ? new NbdUrl(
                ServerAddress.Tcp(server[..colon], server[(colon + 1)..]),
                name < 0 ? "" : text[(name + ExportName.Length)..],
                Tls: false)
            : throw new FormatException("nbd:unix:PATH or nbd:HOST:PORT is needed");
    }
}
