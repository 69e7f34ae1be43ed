namespace ImageIO.Client.Engine;

/// <summary>A backup of a virtual machine in Engine.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Phase">initializing, starting, ready, finalizing, succeeded or failed.</param>
/// <param name="ToCheckpointId">The checkpoint for a later incremental backup. Null: none yet.</param>
public sealed record EngineBackup(string Id, string Phase, string? ToCheckpointId);
