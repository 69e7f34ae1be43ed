using Serilog.Events;
using Serilog.Parsing;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>
/// Reduces an event to its message's properties, and an exception to <see cref="ExceptionText"/>. The framework
/// attaches scopes with the request's path, which contains a ticket's id.
/// </summary>
internal static class SafeEvent
{
    private static readonly HashSet<string> OurOwn = new(
        StringComparer.Ordinal) { "SourceContext", "EventId", "ThreadId" };

    public static LogEvent Of(LogEvent logEvent)
    {
        IEnumerable<LogEventProperty> named = logEvent.Properties
            .Where(property => OurOwn.Contains(property.Key) || IsNamed(logEvent.MessageTemplate, property.Key))
            .Select(property => new LogEventProperty(property.Key, property.Value));
        return new LogEvent(
            logEvent.Timestamp,
            logEvent.Level,
            logEvent.Exception is { } exception ? new LoggedException(ExceptionText.Of(exception)) : null,
            logEvent.MessageTemplate,
            named,
            logEvent.TraceId ?? default,
            logEvent.SpanId ?? default);
    }

    private static bool IsNamed(MessageTemplate template, string name)
    {
        foreach (MessageTemplateToken token in template.Tokens)
        {
            if (token is PropertyToken property && string.Equals(property.PropertyName, name, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
