namespace ImageIO.Http.Forwarding;

/// <summary>What a daemon says about its ticket for an image.</summary>
/// <param name="Size">Bytes that it permits. Null: it does not say.</param>
/// <param name="HasByte">Whether the byte that was asked for is in both the ticket and the image.</param>
public readonly record struct ProbedTicket(long? Size, bool HasByte);
