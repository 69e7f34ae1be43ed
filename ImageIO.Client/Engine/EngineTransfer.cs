namespace ImageIO.Client.Engine;

/// <summary>A transfer as Engine shows it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Phase">Like <c>transferring</c>.</param>
/// <param name="Url">Where the host serves the image: a secret. Null: not yet.</param>
/// <param name="ProxyUrl">Where the proxy does: a secret. Null: there is none.</param>
public sealed record EngineTransfer(string Id, string Phase, string? Url, string? ProxyUrl)
{
    /// <summary>Whether it has ended, well or not.</summary>
    public bool IsOver => Phase is "finished_success" or "finished_failure" or "finished_cleanup";

    /// <summary>Whether it waits to be resumed.</summary>
    public bool IsPaused => Phase is "paused_system" or "paused_user";

    /// <inheritdoc />
    public override string ToString() => $"transfer {Id} ({Phase})";
}
