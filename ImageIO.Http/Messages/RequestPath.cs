using ImageIO.Core.Errors;
using ImageIO.Http.Heads;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace ImageIO.Http.Messages;

/// <summary>
/// A request's path as the client wrote it, with its percent encoding decoded and nothing else changed. The server's own
/// leaves an encoded slash as it is, though an id may have one, and follows <c>..</c>, which here is part of an id.
/// </summary>
internal static class RequestPath
{
    private const string AuthorityMark = "://";

    /// <summary>
    /// Fails unless the whole target, query included, is made of characters that may stand there. The server lets others
    /// through; one that is passed on may mean something to the next reader.
    /// </summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>.</exception>
    public static void RequireValid(HttpRequest request)
    {
        if (!HeadText.IsTarget(request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget))
        {
            throw new TransferException(
                TransferError.InvalidRequest,
                "The request's target has a character that must be percent-encoded: a space, a control character, or one "
                + "that is not ASCII");
        }
    }

    /// <summary>The path of a target in origin or absolute form (RFC 9112 section 3.2); the target itself in others.</summary>
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

        // Addresses joined by hand have several slashes there: they count as one.
        while (start + 1 < target.Length && target[start] == '/' && target[start + 1] == '/')
        {
            start++;
        }

        int query = target.IndexOf('?', start);
        // What is no encoding of UTF-8 stays as it is: an id that nobody has.
        return Uri.UnescapeDataString(target[start..(query < 0 ? target.Length : query)]);
    }
}
