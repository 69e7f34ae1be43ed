using System.Globalization;
using System.Text;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Keeps a text on one line, so that text of a client or file cannot forge a log line.</summary>
public static class OneLine
{
    /// <summary>The text with line breaks and control characters written like <c>\u000a</c>.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int first = IndexOfBreak(text);
        if (first < 0)
        {
            return text;
        }

        var line = new StringBuilder(text, 0, first, text.Length + 16);
        foreach (char character in text.AsSpan(first))
        {
            if (IsBreak(character))
            {
                line.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
            }
            else
            {
                line.Append(character);
            }
        }

        return line.ToString();
    }

    private static int IndexOfBreak(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (IsBreak(text[i]))
            {
                return i;
            }
        }

        return -1;
    }

    private static bool IsBreak(char character) => char.IsControl(character) || character is '\u2028' or '\u2029';
}
