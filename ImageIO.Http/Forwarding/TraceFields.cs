using System.Diagnostics;
using ImageIO.Core.Diagnostics;
using ImageIO.Http.Listeners;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// The W3C Trace Context of a forwarded request: the span of the exchange, else the client's own context.
/// </summary>
/// <param name="Parent">Value of <c>traceparent</c>. Null: none.</param>
/// <param name="State">Value of <c>tracestate</c>. Null: none.</param>
internal readonly record struct TraceFields(string? Parent, string? State)
{
    // The specification asks every party to pass on at least 512 characters.
    private const int LongestState = 512;

    /// <summary>Takes the fields from a span, or from the client's request if there is no span.</summary>
    public static TraceFields Of(Activity? span, HttpRequest client)
    {
        if (span is not null)
        {
            return new TraceFields(span.Id, span.TraceStateString);
        }

        string parent = client.Headers.TraceParent.ToString();
        if (parent.Length == 0)
        {
            return default;
        }

        string state = client.Headers.TraceState.ToString();
        bool isPassedOn = state.Length is > 0 and <= LongestState && state.All(c => c is >= ' ' and <= '~');
        // Only well-formed fields are passed on.
        return ActivityContext.TryParse(parent, traceState: null, out _)
            ? new TraceFields(parent, isPassedOn ? state : null)
            : default;
    }

    /// <summary>Begins the span of an exchange. Null: no listener wants spans.</summary>
    public static Activity? StartExchange(string method, ForwardRequest request)
    {
        if (!TransferTrace.IsWanted)
        {
            return null;
        }

        Activity? span = TransferTrace.Source.StartActivity(method, ActivityKind.Client);
        span?.SetTag("http.request.method", method);
        span?.SetTag("server.address", request.Upstream.Authority);
        return span;
    }

    /// <summary>Notes how an exchange ended.</summary>
    public static void Ended(Activity? span, HttpContext context, Exception? failure)
    {
        if (span is null)
        {
            return;
        }

        if (failure is not null)
        {
            span.SetTag("error.type", HostMeter.ReasonOf(failure));
            span.SetStatus(ActivityStatusCode.Error);
        }
        else
        {
            span.SetTag("http.response.status_code", context.Response.StatusCode);
        }
    }
}
