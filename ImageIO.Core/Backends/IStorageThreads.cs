namespace ImageIO.Core.Backends;

/// <summary>The threads for storage calls, which these may block. The host provides them. Thread-safe.</summary>
public interface IStorageThreads
{
    /// <summary>Most busy threads. The caller keeps to it.</summary>
    int Most { get; }

    /// <summary>Runs work on an idle thread or on a new one.</summary>
    /// <param name="work">Must not throw.</param>
    /// <param name="mayStart">Whether a new thread may be started when none is idle.</param>
    /// <returns>False: the work was not taken, because no thread is idle and none may or can be started.</returns>
    bool TryRun(Action work, bool mayStart);
}
