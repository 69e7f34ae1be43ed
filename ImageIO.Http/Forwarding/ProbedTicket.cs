namespace ImageIO.Http.Forwarding;

/// <summary>A daemon's statement about its ticket for an image.</summary>
/// <param name="Size">Bytes that it permits. Null: unknown.</param>
/// <param name="HasByte">Whether the requested byte is in both the ticket and the image.</param>
public readonly record struct ProbedTicket(long? Size, bool HasByte);
