namespace ImageIO.Http.Listeners;

/// <summary>Sums up the operations of one connection by transfer. Used by one request at a time.</summary>
public sealed class TransferTally
{
    private readonly Dictionary<string, TransferTotals> _totals = new(StringComparer.Ordinal);

    /// <summary>The sums so far.</summary>
    public IReadOnlyDictionary<string, TransferTotals> Totals => _totals;

    /// <summary>Adds an operation that ended.</summary>
    /// <param name="transferId">Its transfer.</param>
    /// <param name="end">Its end.</param>
    /// <param name="duration">Its duration.</param>
    /// <param name="storageWait">The part of its duration that it waited for the storage.</param>
    public void Add(string transferId, OperationEnd end, TimeSpan duration, TimeSpan storageWait)
    {
        TransferTotals totals = _totals.GetValueOrDefault(transferId);
        _totals[transferId] = new TransferTotals(
            totals.Operations + 1,
            totals.Failed + (end.Failure is null ? 0 : 1),
            totals.Bytes + end.Done,
            totals.Duration + duration,
            totals.StorageWait + storageWait,
            end);
    }
}
