namespace ImageIO.Core.Backends;

/// <summary>What one image has of the storage threads: the calls that run and those that wait.</summary>
/// <remarks>Guarded by the lock of its queue.</remarks>
internal sealed class StorageShare(StorageQueue queue)
{
    /// <summary>Who gives out the threads.</summary>
    public StorageQueue Queue { get; } = queue;

    /// <summary>Threads that it has now.</summary>
    public int Busy { get; set; }

    /// <summary>Calls that wait for a thread, the oldest first.</summary>
    public LinkedList<WaitingCall> Waiting { get; } = [];
}
