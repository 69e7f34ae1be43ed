using System.Globalization;
using Serilog.Events;
using Serilog.Formatting;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>
/// One line per event, with the columns of the reference's log, for existing scripts: time, level, thread, source,
/// message. Lines of an exception follow, indented.
/// </summary>
internal sealed class LogLineFormatter : ITextFormatter
{
    public void Format(LogEvent logEvent, TextWriter output)
    {
        output.Write(logEvent.Timestamp.ToString("yyyy-MM-dd HH:mm:ss,fff", CultureInfo.InvariantCulture));
        output.Write(' ');
        output.Write(NameOf(logEvent.Level).PadRight(7));
        output.Write(" (");
        output.Write(Text(logEvent, "ThreadId"));
        output.Write(") [");
        output.Write(Text(logEvent, "SourceContext"));
        output.Write("] ");
        output.Write(OneLine.Of(Message(logEvent)));
        output.Write('\n');
        if (logEvent.Exception is { } exception)
        {
            output.Write(exception);
        }
    }

    /// <summary>The level's name as in the reference's log.</summary>
    internal static string NameOf(LogEventLevel level) => level switch
    {
        LogEventLevel.Verbose or LogEventLevel.Debug => "DEBUG",
        LogEventLevel.Information => "INFO",
        LogEventLevel.Warning => "WARNING",
        LogEventLevel.Error => "ERROR",
        _ => "CRITICAL",
    };

    private static string Message(LogEvent logEvent)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        foreach (Serilog.Parsing.MessageTemplateToken token in logEvent.MessageTemplate.Tokens)
        {
            // Texts without quotes, like the format "lj" of a template.
            if (token is Serilog.Parsing.PropertyToken { Format: null } property
                && logEvent.Properties.TryGetValue(property.PropertyName, out LogEventPropertyValue? value)
                && value is ScalarValue { Value: string plain })
            {
                text.Write(plain);
            }
            else
            {
                token.Render(logEvent.Properties, text, CultureInfo.InvariantCulture);
            }
        }

        return text.ToString();
    }

    private static string Text(LogEvent logEvent, string property) =>
        logEvent.Properties.TryGetValue(property, out LogEventPropertyValue? value)
            && value is ScalarValue { Value: { } scalar }
            ? OneLine.Of(Convert.ToString(scalar, CultureInfo.InvariantCulture) ?? "")
            : "";
}
