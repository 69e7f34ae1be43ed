namespace ImageIO.Tests.Client;

/// <summary>The trouble of a connection through a <see cref="Relay"/>.</summary>
/// <param name="CutAt">The connection is cut after so many bytes in one direction. Null: never.</param>
/// <param name="FlipAt">This byte towards the server is changed. Null: none.</param>
/// <param name="Delay">Delay of each piece.</param>
internal sealed record RelayTrouble(long? CutAt = null, long? FlipAt = null, TimeSpan Delay = default);
