using System.Net;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Transport;

/// <summary>
/// A transfer URL, taken apart. Its last part is the ticket's id, a secret, so its text shows everything but that.
/// </summary>
internal sealed record ImageAddress
{
    private ImageAddress(string host, int port, bool isTls, string path)
    {
        Host = host;
        Port = port;
        IsTls = isTls;
        Path = path;
    }

    public string Host { get; }

    public int Port { get; }

    public bool IsTls { get; }

    /// <summary>Percent-encoded, like <c>/images/ID</c>.</summary>
    public string Path { get; }

    /// <summary>Takes a URL apart.</summary>
    /// <param name="url">Like <c>https://host:54322/images/ID</c>.</param>
    /// <param name="allowPlain">Whether <c>http</c> may lead to another host.</param>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>.</exception>
    public static ImageAddress Parse(string url, bool allowPlain)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? uri)
            || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
        {
            throw new TransferException(
                TransferError.InvalidRequest, "The transfer URL must be like https://host:54322/images/ID");
        }

        if (uri.AbsolutePath.Length < 2 || uri.Query.Length > 0 || uri.UserInfo.Length > 0)
        {
            throw new TransferException(
                TransferError.InvalidRequest,
                $"The transfer URL on {uri.Host}:{uri.Port} must end in /images/ID, without a query or a user");
        }

        bool isTls = uri.Scheme == "https";
        if (!isTls && !allowPlain && !IsLoopback(uri))
        {
            throw new TransferException(
                TransferError.InvalidRequest,
                $"Without TLS a transfer goes to this host only, not to {uri.Host}: everybody on the way could read "
                    + $"and change it");
        }

        return new ImageAddress(uri.IdnHost, uri.Port, isTls, uri.AbsolutePath);
    }

    /// <summary>The address without its secret.</summary>
    public override string ToString() =>
        $"{(IsTls ? "https" : "http")}://{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}";

    /// <summary>A text without the ticket's id.</summary>
    public string Redact(string text)
    {
        string id = Uri.UnescapeDataString(Path[(Path.LastIndexOf('/') + 1)..]);
        return id.Length == 0 ? text : text.Replace(id, "…", StringComparison.Ordinal);
    }

    private static bool IsLoopback(Uri uri) =>
        uri.IsLoopback
            || (IPAddress.TryParse(uri.Host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));
}
