namespace ImageIO.Bench;

/// <summary>A work that could not be done; the table says so and the next one begins.</summary>
internal sealed class BenchException(string message) : Exception(message);
