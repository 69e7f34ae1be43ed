using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Web.Endpoints;

/// <summary>The extents in another daemon's answer, parsed as they arrive.</summary>
internal static partial class ForwardedExtents
{
    /// <summary>Parses extents up to the end of a ticket; the last one is clipped there.</summary>
    /// <param name="answer">The answer's body.</param>
    /// <param name="limit">Where the ticket ends.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.UpstreamFailed"/>: it is no list of extents, or they do not cover the image in order.
    /// </exception>
    public static async IAsyncEnumerable<Extent> ReadAsync(
        Stream answer, long limit, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long end = 0;
        await using IAsyncEnumerator<Item?> items = JsonSerializer
            .DeserializeAsyncEnumerable(answer, Json.Default.Item, cancellationToken)
            .GetAsyncEnumerator(cancellationToken);
        while (end < limit && await NextAsync(items) is { } item)
        {
            if (item.Start != end || item.Length < 0 || item.Length > long.MaxValue - end)
            {
                throw Malformed($"one begins at {item.Start}, the last ended at {end}");
            }

            end = Math.Min(limit, end + item.Length);
            if (end > item.Start)
            {
                yield return new Extent(new ByteRange(item.Start, end), item.Flags);
            }
        }
    }

    private static async ValueTask<Item?> NextAsync(IAsyncEnumerator<Item?> items)
    {
        try
        {
            return await items.MoveNextAsync() ? items.Current ?? throw Malformed("one is null") : null;
        }
        catch (JsonException e)
        {
            throw Malformed("they are no JSON list of extents", e);
        }
    }

    private static TransferException Malformed(string what, Exception? cause = null) =>
        new(TransferError.UpstreamFailed, $"The extents of the host that serves the image cannot be "
            + $"understood: {what}", cause);

    // As in the wire contract.
    private sealed record Item
    {
        public required long Start { get; init; }

        public required long Length { get; init; }

        public bool Zero { get; init; }

        public bool Hole { get; init; }

        public bool Dirty { get; init; }

        [JsonIgnore]
        public ExtentFlags Flags =>
            (Zero ? ExtentFlags.Zero : 0) | (Hole ? ExtentFlags.Hole : 0) | (Dirty ? ExtentFlags.Dirty : 0);
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Item))]
    private sealed partial class Json : JsonSerializerContext;
}
