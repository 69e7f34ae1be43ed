namespace ImageIO.Proxy.Endpoints;

/// <summary>
/// The headers that let a manager's page use the proxy from another origin (proxy-api section 2): the same on every
/// answer, errors included.
/// </summary>
/// <param name="allowOrigin">The allowed origin, or <c>*</c>.</param>
internal sealed class ProxyCors(string allowOrigin)
{
    /// <summary>Adds them when the answer starts, because an error answer first clears all headers.</summary>
    public void Watch(HttpContext context) => context.Response.OnStarting(() =>
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.AccessControlAllowOrigin = allowOrigin;
        headers.AccessControlAllowHeaders =
            "Cache-Control, Pragma, Authorization, Content-Type, Content-Length, Content-Range, Range, Session-Id, "
                + "Content-Digest";
        headers.AccessControlAllowMethods = "GET, PUT, PATCH, OPTIONS, POST, DELETE";
        headers.AccessControlExposeHeaders = "Authorization, Content-Length, Content-Range, Range, Session-Id";
        headers.AccessControlMaxAge = "300";
        return Task.CompletedTask;
    });
}
