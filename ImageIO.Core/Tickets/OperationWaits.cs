namespace ImageIO.Core.Tickets;

/// <summary>The waits of operations, which show the slow side.</summary>
/// <param name="Client">Time that they ran and did not wait for the storage, nearly all of it for the client.</param>
/// <param name="Storage">Time that they waited for the storage.</param>
public readonly record struct OperationWaits(TimeSpan Client, TimeSpan Storage)
{
    /// <summary>Adds the waits of one more operation, which has run for this time.</summary>
    internal OperationWaits With(IOperation operation, TimeSpan duration)
    {
        TimeSpan storage = operation.StorageWait;
        return new OperationWaits(
            Client + (duration > storage ? duration - storage : TimeSpan.Zero), Storage + storage);
    }
}
