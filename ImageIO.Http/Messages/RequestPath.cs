using ImageIO.Core.Errors;
using ImageIO.Http.Heads;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace ImageIO.Http.Messages;

/// <summary>
/// A request's path, percent-decoded and otherwise as the client wrote it. The server's own path keeps encoded slashes,
/// which ids may have, and resolves <c>..</c>, which here is part of an id.
/// </summary>
internal static class RequestPath
{
    private const string AuthorityMark = "://";

    /// <summary>
    /// Throws unless the whole target, query included, consists of valid characters. The server accepts others, and a
    /// forwarded one may mean something to the next reader.
    /// </summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>.</exception>
    public static void RequireValid(HttpRequest request)
    {
        if (!HeadText.IsTarget(request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget))
        {
            throw new TransferException(
                TransferError.InvalidRequest,
                "The request's target has a character that must be percent-encoded: a space, a control "
                    + "character, or one "
                + "that is not ASCII");
        }
    }

    /// <summary>The path of a target in origin or absolute form (RFC 9112 section 3.2). Other forms: the
    /// target.</summary>
    public static string Of(HttpRequest request)
    {
        string target = request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        int start = 0;
        if (!target.StartsWith('/') && target.IndexOf(AuthorityMark, StringComparison.Ordinal) is >= 0 and var mark)
        {
            start = target.IndexOfAny(['/', '?'], mark + AuthorityMark.Length);
            if (start < 0)
            {
                return "/";
            }
        }

        // Several slashes count as one, because addresses that are joined by hand have them.
        while (start + 1 < target.Length && target[start] == '/' && target[start + 1] == '/')
        {
            start++;
        }

        int query = target.IndexOf('?', start);
        // An encoding that is not UTF-8 stays as it is: no ticket has such an id.
        return Uri.UnescapeDataString(target[start..(query < 0 ? target.Length : query)]);
    }
}
