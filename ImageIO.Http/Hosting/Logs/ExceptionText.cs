using System.Text;
using System.Text.RegularExpressions;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>
/// An exception as text for the log: each message on one line, each line indented, and no URL with an id. So no part of
/// it can be taken for a log line.
/// </summary>
internal static partial class ExceptionText
{
    private const string Indent = "    ";

    public static string Of(Exception exception)
    {
        var text = new StringBuilder();
        Append(text, exception, Indent);
        return text.ToString();
    }

    private static void Append(StringBuilder text, Exception exception, string start)
    {
        text.Append(start)
            .Append(exception.GetType()).Append(": ").Append(WithoutIds(OneLine.Of(exception.Message))).Append('\n');
        IEnumerable<Exception> inner = exception is AggregateException several
            ? several.InnerExceptions
            : exception.InnerException is { } one ? [one] : [];
        foreach (Exception cause in inner)
        {
            Append(text, cause, $"{Indent} ---> ");
        }

        // From the runtime: names of methods, and no text of a client.
        foreach (string frame in (exception.StackTrace ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            text.Append(Indent).Append(frame.TrimEnd('\r')).Append('\n');
        }
    }

    private static string WithoutIds(string message) => Ids().Replace(message, "$1...");

    // In a URL or request line these words precede a ticket's or session's id. Paths of images do not start with them.
    [GeneratedRegex(@"(https?://[^/\s]*/(?:images|tickets|sessions)/|\b(?:GET|PUT|PATCH|POST|DELETE|OPTIONS|HEAD) "
        + @"/(?:images|tickets|sessions)/)[^\s""']+")]
    private static partial Regex Ids();
}
