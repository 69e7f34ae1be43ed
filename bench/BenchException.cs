namespace ImageIO.Bench;

/// <summary>A work cannot be done. The table shows the reason, and the next work begins.</summary>
internal sealed class BenchException(string message) : Exception(message);
