namespace ImageIO.Core.Backends;

/// <summary>The threads that storage is called on, which a call may block. The host provides them.</summary>
public interface IStorageThreads
{
    /// <summary>Whether the caller runs on one of them.</summary>
    bool IsCurrent { get; }

    /// <summary>Runs work on one of them.</summary>
    /// <param name="work">Must not throw.</param>
    void Run(Action work);
}
