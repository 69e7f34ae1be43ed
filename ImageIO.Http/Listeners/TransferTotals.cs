namespace ImageIO.Http.Listeners;

/// <summary>The operations of one connection for one transfer.</summary>
/// <param name="Operations">Operations that ended.</param>
/// <param name="Failed">Of these, the failed ones.</param>
/// <param name="Bytes">Bytes that they moved.</param>
/// <param name="Duration">Their total duration.</param>
/// <param name="StorageWait">The part of it that they waited for the storage.</param>
/// <param name="Last">The end of the last one.</param>
public readonly record struct TransferTotals(
    long Operations, long Failed, long Bytes, TimeSpan Duration, TimeSpan StorageWait, OperationEnd Last)
{
    /// <summary>The end of the transfer on this connection, in a few words.</summary>
    public string End => Last.Failure is null && Failed > 0 ? $"complete, after {Failed} failed operations" : $"{Last}";
}
