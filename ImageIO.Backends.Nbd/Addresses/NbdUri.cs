using System.Globalization;
using System.Text;

namespace ImageIO.Backends.Nbd.Addresses;

/// <summary>
/// NBD URIs (NBD's doc/uri.md): <c>nbd://HOST[:PORT][/NAME]</c> and <c>nbd+unix:///NAME?socket=PATH</c>, with
/// <c>nbds</c> for TLS. Names and values are percent-encoded.
/// </summary>
internal static class NbdUri
{
    private static readonly UTF8Encoding StrictUtf8 = new(
        encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Parses the text after <c>SCHEME://</c>.</summary>
    /// <exception cref="FormatException">It has neither form.</exception>
    public static NbdUrl Parse(string scheme, string text)
    {
        if (text.Contains('#', StringComparison.Ordinal))
        {
            throw new FormatException("a '#' must be written %23");
        }

        int query = text.IndexOf('?', StringComparison.Ordinal);
        Dictionary<string, string> parameters = Parameters(query < 0 ? "" : text[(query + 1)..]);
        string place = query < 0 ? text : text[..query];
        int slash = place.IndexOf('/', StringComparison.Ordinal);
        string authority = slash < 0 ? place : place[..slash];
        string name = slash < 0 ? "" : Decode(place[(slash + 1)..]);
        bool tls = scheme.StartsWith("nbds", StringComparison.Ordinal);
        return scheme.EndsWith("+unix", StringComparison.Ordinal)
            ? Unix(scheme, authority, name, tls, parameters)
            : Tcp(scheme, authority, name, tls, parameters);
    }

    private static NbdUrl Unix(
        string scheme, string authority, string name, bool tls, Dictionary<string, string> parameters)
    {
        if (authority.Length > 0)
        {
            throw new FormatException($"{scheme}:// takes no host: write {scheme}:///NAME?socket=PATH");
        }

        if (!parameters.Remove("socket", out string? path))
        {
            throw new FormatException($"the parameter socket=PATH is missing: write {scheme}:///NAME?socket=PATH");
        }

        string hostName = tls && parameters.Remove("tls-hostname", out string? given) ? given : "localhost";
        RequireNoFurther(scheme, parameters);
        return new NbdUrl(ServerAddress.Unix(path), name, tls) { TlsHostName = hostName };
    }

    // Without tls-hostname: the certificate must have the host of the URL.
    private static NbdUrl Tcp(
        string scheme, string authority, string name, bool tls, Dictionary<string, string> parameters)
    {
        RequireNoFurther(scheme, parameters);
        int bracket = authority.LastIndexOf(']');
        int colon = authority.IndexOf(':', bracket + 1);
        var server = ServerAddress.Tcp(
            colon < 0 ? authority : authority[..colon],
            colon < 0 ? NbdUrl.DefaultPort.ToString(CultureInfo.InvariantCulture) : authority[(colon + 1)..]);
        return new NbdUrl(server, name, tls) { TlsHostName = server.Host };
    }

    private static void RequireNoFurther(string scheme, Dictionary<string, string> parameters)
    {
        if (parameters.Count > 0)
        {
            throw new FormatException($"{scheme}:// does not take the parameter '{parameters.Keys.First()}'");
        }
    }

    private static Dictionary<string, string> Parameters(string query)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string parameter in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = parameter.IndexOf('=', StringComparison.Ordinal);
            string name = Decode(equals < 0 ? parameter : parameter[..equals]);
            if (!parameters.TryAdd(name, equals < 0 ? "" : Decode(parameter[(equals + 1)..])))
            {
                throw new FormatException($"the parameter '{name}' is given twice");
            }
        }

        return parameters;
    }

    private static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int length = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != (byte)'%')
            {
                bytes[length++] = bytes[i];
            }
            else if (i + 2 < bytes.Length
                && byte.TryParse(
                    bytes.AsSpan(i + 1, 2),
                    NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture,
                    out byte value)
                && value != 0)
            {
                bytes[length++] = value;
                i += 2;
            }
            else
            {
                throw new FormatException($"'{text}' has a '%' that does not begin an encoded byte");
            }
        }

        try
        {
            return StrictUtf8.GetString(bytes, 0, length);
        }
        catch (DecoderFallbackException e)
        {
            throw new FormatException($"'{text}' is not UTF-8 when it is decoded", e);
        }
    }
}
