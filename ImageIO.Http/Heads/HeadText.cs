using System.Buffers;

namespace ImageIO.Http.Heads;

/// <summary>Which bytes are valid where in a head (RFC 9110 section 5, RFC 9112 sections 2 to 5).</summary>
internal static class HeadText
{
    private static readonly SearchValues<char> TokenCharacters = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>Whether this is a token: the name of a method, field or transfer coding.</summary>
    public static bool IsToken(ReadOnlySpan<char> text) =>
        !text.IsEmpty && !text.ContainsAnyExcept(TokenCharacters);

    /// <summary>Whether this is a valid field value: no control character but a tab.</summary>
    public static bool IsValue(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if ((c < ' ' && c != '\t') || c == '\u007f')
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether this is a valid request target: visible ASCII only.</summary>
    public static bool IsTarget(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExceptInRange('!', '~');
}
