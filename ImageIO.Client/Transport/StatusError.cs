using System.Text;

namespace ImageIO.Client.Transport;

/// <summary>An answer that says no, as a failure with the server's words.</summary>
internal static class StatusError
{
    // The server's errors are one line. More is not shown.
    private const int LongestText = 500;

    public static async Task<ExchangeException> ReadAsync(
        HttpResponseMessage response,
        string what, bool hasDigest, ImageAddress address, CancellationToken cancellationToken)
    {
        int status = (int)response.StatusCode;
        string text = await ReadTextAsync(response, cancellationToken).ConfigureAwait(false);
        string message = $"{what}: {status} {(text.Length > 0 ? address.Redact(text) : response.ReasonPhrase)}";
        return new ExchangeException(Classify(status, hasDigest), message) { Status = status };
    }

    public static ExchangeFailure Classify(int status, bool hasDigest) => status switch
    {
        400 when hasDigest => ExchangeFailure.DigestMismatch,
        401 or 403 => ExchangeFailure.NotPermitted,
        408 or 502 or 503 or 504 => ExchangeFailure.Busy,
        507 => ExchangeFailure.StorageFull,
        >= 500 => ExchangeFailure.ServerFailed,
        _ => ExchangeFailure.Refused,
    };

    private static async Task<string> ReadTextAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[LongestText];
        int length = 0;
        try
        {
            Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            length = await body.ReadAtLeastAsync(
                bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // The status says enough.
        }

        // Of another's text, one line of printable characters.
        string text = Encoding.UTF8.GetString(bytes, 0, length).Trim();
        return new string([.. text.TakeWhile(c => c is not ('\n' or '\r')).Where(c => !char.IsControl(c))]);
    }
}
