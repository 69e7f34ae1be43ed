namespace ImageIO.Tests.Client;

/// <summary>What befalls a connection through a <see cref="Relay"/>.</summary>
/// <param name="CutAt">It is cut when so many bytes have passed in one direction. Null: it is not.</param>
/// <param name="FlipAt">This byte towards the server is changed. Null: none.</param>
/// <param name="Delay">Each piece waits so long.</param>
internal sealed record RelayTrouble(long? CutAt = null, long? FlipAt = null, TimeSpan Delay = default);
