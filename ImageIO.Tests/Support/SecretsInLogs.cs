using System.Buffers;
using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace ImageIO.Tests.Support;

/// <summary>
/// Remembers the ids that all tests of this process use, and looks for them in the log of each daemon and proxy that
/// ends: what the wire tests send is what must never be logged, in any format, at DEBUG.
/// </summary>
internal static partial class SecretsInLogs
{
    // Shorter ones are ordinary words ("none") that logs may hold by chance.
    private const int ShortestSecret = 16;

    private static readonly ConcurrentDictionary<string, bool> Seen = new(StringComparer.Ordinal);

    public static void Note(string? id)
    {
        if (id is { Length: >= ShortestSecret })
        {
            Seen[id] = true;
        }
    }

    /// <summary>Notes the ids in a request's target.</summary>
    public static void NoteTarget(string target)
    {
        foreach (Match match in IdInTarget().Matches(target))
        {
            Note(Uri.UnescapeDataString(match.Groups["id"].Value));
        }
    }

    public static HttpMessageHandler Noting(HttpMessageHandler inner) => new NotingHandler(inner);

    /// <summary>Fails when a log holds an id that a test used.</summary>
    public static void AssertNotIn(string log)
    {
        string[] secrets = [.. Seen.Keys];
        int found = secrets.Length == 0 ? -1 : log.AsSpan().IndexOfAny(SearchValues.Create(
            secrets, StringComparison.Ordinal));
        if (found >= 0)
        {
            int start = log.LastIndexOf('\n', found) + 1;
            Assert.Fail($"The log tells a secret: {log[start..].Split('\n')[0]}");
        }
    }

    [GeneratedRegex("(?:/(?:images|tickets|sessions)/|[?&]session_id=)(?<id>[^/?&#]+)")]
    private static partial Regex IdInTarget();

    private sealed class NotingHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            NoteTarget(request.RequestUri!.PathAndQuery);
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
            if (response.Headers.TryGetValues("Session-Id", out IEnumerable<string>? sessions))
            {
                Array.ForEach([.. sessions], Note);
            }

            return response;
        }
    }
}
