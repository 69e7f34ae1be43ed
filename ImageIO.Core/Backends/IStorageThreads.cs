namespace ImageIO.Core.Backends;

/// <summary>
/// The threads that storage is called on, which a call may block. The host provides them. Thread-safe.
/// </summary>
public interface IStorageThreads
{
    /// <summary>Most threads that may be busy at once. The caller keeps to it.</summary>
    int Most { get; }

    /// <summary>Runs work on an idle thread or on a new one.</summary>
    /// <param name="work">Must not throw.</param>
    /// <param name="mayStart">Whether a new thread may be started when none is idle.</param>
    /// <returns>False: the work was not taken. No thread is idle, and none may be started, or the system refuses
    /// one.</returns>
    bool TryRun(Action work, bool mayStart);
}
