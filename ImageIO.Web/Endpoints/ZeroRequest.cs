namespace ImageIO.Web.Endpoints;

/// <summary>The parameters of a PATCH that zeroes.</summary>
/// <param name="Offset">First byte of the range.</param>
/// <param name="Length">Bytes in the range.</param>
/// <param name="Flush">Whether the zeroes must be durable before the answer.</param>
/// <param name="Body">The request's body with these parameters, for forwarding.</param>
internal sealed record ZeroRequest(long Offset, long Length, bool Flush, ReadOnlyMemory<byte> Body);
