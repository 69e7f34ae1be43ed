namespace ImageIO.Http.Hosting.Logs;

/// <summary>Standard error, or standard output.</summary>
public sealed record LogStreamTarget : LogTarget
{
    /// <summary>Whether it is standard output.</summary>
    public bool IsStandardOutput { get; init; }
}
