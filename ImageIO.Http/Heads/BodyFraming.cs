using System.Globalization;

namespace ImageIO.Http.Heads;

/// <summary>How the end of a body is found (RFC 9112 section 6).</summary>
/// <param name="Length">Bytes. Null: not known beforehand.</param>
/// <param name="IsChunked">Whether it is chunked. A body without length and chunks ends with the connection.</param>
internal readonly record struct BodyFraming(long? Length, bool IsChunked)
{
    /// <summary>There is no body.</summary>
    public static BodyFraming None => new(0, false);

    /// <summary>The body ends where the connection ends.</summary>
    public static BodyFraming ToEnd => new(null, false);

    /// <summary>Whether the body ends with the connection.</summary>
    public bool EndsWithConnection => Length is null && !IsChunked;

    /// <summary>The framing that the fields state. Null: none.</summary>
    /// <exception cref="FormatException">
    /// They state it twice, or in a form that readers understand differently: one of them would take a part of the body
    /// for the next message.
    /// </exception>
    public static BodyFraming? Of(HeadFields fields, bool isHttp11)
    {
        string[] lengths = [.. fields.All("Content-Length")];
        string[] codings = [.. fields.All("Transfer-Encoding")];
        if (lengths.Length + codings.Length > 1)
        {
            throw new FormatException("the head gives the length of the body twice");
        }

        if (codings.Length == 1)
        {
            return isHttp11 && codings[0].Equals("chunked", StringComparison.OrdinalIgnoreCase)
                ? new BodyFraming(null, true)
                : throw new FormatException("the head has a Transfer-Encoding other than chunked");
        }

        if (lengths.Length == 0)
        {
            return null;
        }

        return long.TryParse(lengths[0], NumberStyles.None, CultureInfo.InvariantCulture, out long length)
            ? new BodyFraming(length, false)
            : throw new FormatException("the Content-Length is no length");
    }
}
