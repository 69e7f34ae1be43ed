using System.Diagnostics;
using ImageIO.Core.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Messages;

/// <summary>
/// The span of a client's request. It names the resource, never the path, which holds the ticket's id.
/// </summary>
internal static class RequestSpan
{
    /// <summary>Begins the span, in the client's trace if the request names one (W3C Trace Context).</summary>
    /// <returns>Null: no listener wants spans.</returns>
    public static Activity? Start(HttpContext context, string service)
    {
        if (!TransferTrace.IsWanted)
        {
            return null;
        }

        HttpRequest request = context.Request;
        _ = ActivityContext.TryParse(
            request.Headers.TraceParent.ToString(),
            request.Headers.TraceState.ToString(),
            isRemote: true,
            out ActivityContext parent);
        Activity? span = TransferTrace.Source.StartActivity(request.Method, ActivityKind.Server, parent);
        span?.SetTag("http.request.method", request.Method);
        span?.SetTag("imageio.service", service);
        return span;
    }

    /// <summary>Notes the resource, like <c>/images/ID/extents</c>.</summary>
    public static void Found(Activity? span, string method, string resource)
    {
        if (span is not null)
        {
            span.DisplayName = $"{method} {resource}";
            span.SetTag("http.route", resource);
        }
    }

    /// <summary>Notes why the request failed.</summary>
    public static void Failed(Activity? span, string reason) => span?.SetTag("error.type", reason);

    /// <summary>Notes how the request ended.</summary>
    public static void Ended(Activity? span, HttpContext context)
    {
        if (span is null)
        {
            return;
        }

        span.SetTag("http.response.status_code", context.Response.StatusCode);
        if (context.Response.StatusCode >= StatusCodes.Status500InternalServerError
            || context.RequestAborted.IsCancellationRequested)
        {
            span.SetStatus(ActivityStatusCode.Error);
        }
    }
}
