namespace ImageIO.Bench;

/// <summary>A server, or a way of using it, that does one work.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="RunAsync">Does the work once.</param>
internal sealed record Contender(string Name, Func<Task<Sample>> RunAsync);
