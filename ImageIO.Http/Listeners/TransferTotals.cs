namespace ImageIO.Http.Listeners;

/// <summary>What one connection did for one transfer.</summary>
/// <param name="Operations">Operations that ended.</param>
/// <param name="Bytes">What they moved.</param>
/// <param name="Duration">How long they ran.</param>
/// <param name="StorageWait">How long of that they waited for the storage.</param>
public readonly record struct TransferTotals(long Operations, long Bytes, TimeSpan Duration, TimeSpan StorageWait);
