namespace ImageIO.Client.Engine;

/// <summary>A disk in Engine.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status">Like <c>ok</c>, <c>locked</c> or <c>illegal</c>.</param>
/// <param name="StorageDomainId">Its first storage domain. Null: none.</param>
public sealed record EngineDisk(string Id, string Status, string? StorageDomainId);
