using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Client;

/// <summary>A request to a <see cref="FakeImageServer"/>.</summary>
/// <param name="Number">Counts all requests, from 1.</param>
/// <param name="Connection">Counts connections, from 1.</param>
/// <param name="Method">GET, PUT, …; for PATCH <c>zero</c> or <c>flush</c>.</param>
/// <param name="Path">With the query.</param>
/// <param name="Range">The bytes that it is about.</param>
internal sealed record FakeRequest(int Number, int Connection, string Method, string Path, ByteRange Range);
