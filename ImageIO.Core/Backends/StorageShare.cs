namespace ImageIO.Core.Backends;

/// <summary>One image's running and waiting storage calls.</summary>
/// <remarks>Guarded by the lock of its queue.</remarks>
internal sealed class StorageShare(StorageQueue queue)
{
    public StorageQueue Queue { get; } = queue;

    /// <summary>Threads that it has now.</summary>
    public int Busy { get; set; }

    /// <summary>Calls that wait for a thread, the oldest first.</summary>
    public LinkedList<WaitingCall> Waiting { get; } = [];
}
