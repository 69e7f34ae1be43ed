namespace ImageIO.Client.Engine;

/// <summary>A transfer in Engine.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Phase">Like <c>transferring</c>.</param>
/// <param name="Url">The image's URL at the host, a secret. Null: not yet.</param>
/// <param name="ProxyUrl">The image's URL at the proxy, a secret. Null: none.</param>
public sealed record EngineTransfer(string Id, string Phase, string? Url, string? ProxyUrl)
{
    /// <summary>Whether it has ended, successfully or not.</summary>
    public bool IsOver => Phase is "finished_success" or "finished_failure" or "finished_cleanup";

    /// <summary>Whether it waits to be resumed.</summary>
    public bool IsPaused => Phase is "paused_system" or "paused_user";

    /// <inheritdoc />
    public override string ToString() => $"transfer {Id} ({Phase})";
}
