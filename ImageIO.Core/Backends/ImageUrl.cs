using ImageIO.Core.Errors;

namespace ImageIO.Core.Backends;

/// <summary>The URL of a ticket's image.</summary>
public sealed record ImageUrl
{
    private ImageUrl(string text, string scheme)
    {
        Text = text;
        Scheme = scheme;
    }

    /// <summary>The URL as the manager gave it.</summary>
    public string Text { get; }

    /// <summary>The text before the first colon, in lower case. It selects the backend.</summary>
    public string Scheme { get; }

    /// <summary>The text after the first colon, not decoded.</summary>
    public string Rest => Text[(Scheme.Length + 1)..];

    /// <summary>Splits a URL.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: it has no scheme (RFC 3986
    /// section 3.1).</exception>
    public static ImageUrl Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 1 || !char.IsAsciiLetter(text[0]) || !text.AsSpan(0, colon).ToString().All(IsSchemeCharacter))
        {
            throw new TransferException(
                TransferError.InvalidRequest, $"Invalid URL '{text}': it must begin with a scheme, like file:///path");
        }

        return new ImageUrl(text, text[..colon].ToLowerInvariant());
    }

    /// <inheritdoc />
    public override string ToString() => Text;

    private static bool IsSchemeCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.';
}
