using System.Security.Cryptography;
using ImageIO.Core.Errors;
using ImageIO.Http.Heads;
using Microsoft.Extensions.Primitives;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// The mark that a forwarder adds to the <c>Via</c> field (RFC 9110 section 7.6.3). A request that comes back with it
/// is refused, because every round would take two more connections.
/// </summary>
internal sealed class ForwarderMark
{
    private const string Protocol = "1.1 ";
    private const string Kind = "imageio-";

    // Forwarders behind one address share the work, so a loop may pass several of them before it returns to one.
    private const int MostForwarders = 8;

    // Random instead of a host's name, which would tell about the network.
    private readonly string _own = Protocol + Kind + RandomNumberGenerator.GetHexString(16, lowercase: true);

    /// <summary>The <c>Via</c> for the next server: the request's marks and our own. Other proxies' are left
    /// out.</summary>
    /// <param name="via">The request's field.</param>
    /// <exception cref="TransferException"><see cref="TransferError.ForwardingLoop"/>.</exception>
    public string Append(StringValues via)
    {
        string[] marks =
        [
            .. via.SelectMany(value => (value ?? "").Split(','))
                .Select(mark => mark.Trim(' ', '\t'))
                .Where(mark => mark.StartsWith(Protocol + Kind, StringComparison.Ordinal)
                    && HeadText.IsToken(mark.AsSpan(Protocol.Length))),
        ];
        if (marks.Contains(_own, StringComparer.Ordinal))
        {
            throw new TransferException(
                TransferError.ForwardingLoop,
                "The request was forwarded back to where it came from: the ticket's URL leads here");
        }

        if (marks.Length >= MostForwarders)
        {
            throw new TransferException(
                TransferError.ForwardingLoop,
                $"The request was forwarded {marks.Length} times, and no daemon served it");
        }

        return string.Join(", ", [.. marks, _own]);
    }
}
