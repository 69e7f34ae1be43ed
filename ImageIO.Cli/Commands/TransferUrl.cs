using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Commands;

/// <summary>
/// A transfer's URL as an argument: the URL, or <c>@FILE</c> with it, which hides it from the list of processes.
/// </summary>
internal static class TransferUrl
{
    public static string Read(string text)
    {
        if (!text.StartsWith('@'))
        {
            return text;
        }

        try
        {
            return File.ReadAllText(text[1..]).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TransferException(
                TransferError.InvalidRequest, $"The URL in {text[1..]} cannot be read: {e.Message}", e);
        }
    }

    public static bool Is(string text) => text.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
        || text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || text.StartsWith('@');
}
