namespace ImageIO.Http.Listeners;

/// <summary>What one connection did for one transfer.</summary>
/// <param name="Operations">Operations that ended.</param>
/// <param name="Failed">Of these, the ones that failed.</param>
/// <param name="Bytes">Bytes that they moved.</param>
/// <param name="Duration">How long they ran.</param>
/// <param name="StorageWait">How long of that they waited for the storage.</param>
/// <param name="Last">How the last one ended.</param>
public readonly record struct TransferTotals(
    long Operations, long Failed, long Bytes, TimeSpan Duration, TimeSpan StorageWait, OperationEnd Last)
{
    /// <summary>How the transfer ended on this connection, in a few words.</summary>
    public string End => Last.Failure is null && Failed > 0 ? $"complete, after {Failed} failed operations" : $"{Last}";
}
