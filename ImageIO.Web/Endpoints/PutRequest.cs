using ImageIO.Http.Messages;

namespace ImageIO.Web.Endpoints;

/// <summary>What a PUT asks for, beside its body.</summary>
/// <param name="Offset">Where the first byte goes.</param>
/// <param name="Length">Bytes of the body. Null: it comes in chunks.</param>
/// <param name="Flush">Whether the data must be durable before the answer.</param>
/// <param name="Close">Whether to close the connection behind the answer.</param>
/// <param name="Digest">The body's digest, which is checked. Null: none.</param>
internal sealed record PutRequest(long Offset, long? Length, bool Flush, bool Close, ContentDigest? Digest);
