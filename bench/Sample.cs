namespace ImageIO.Bench;

/// <summary>One run of one server.</summary>
/// <param name="Wall">Seconds that the client waited.</param>
/// <param name="Cpu">Seconds of user and system time of the server, as the kernel counts.</param>
internal readonly record struct Sample(double Wall, double Cpu);
