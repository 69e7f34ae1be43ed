using ImageIO.Http.Messages;

namespace ImageIO.Web.Endpoints;

/// <summary>The parameters of a PUT.</summary>
/// <param name="Offset">Where the first byte goes.</param>
/// <param name="Length">Bytes of the body. Null: it is chunked.</param>
/// <param name="Flush">Whether the data must be durable before the answer.</param>
/// <param name="Close">Whether to close the connection after the answer.</param>
/// <param name="Digest">The body's digest, which is checked. Null: none.</param>
internal sealed record PutRequest(long Offset, long? Length, bool Flush, bool Close, ContentDigest? Digest);
