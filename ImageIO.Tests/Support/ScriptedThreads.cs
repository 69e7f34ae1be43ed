using System.Collections.Concurrent;
using ImageIO.Core.Backends;

namespace ImageIO.Tests.Support;

/// <summary>
/// Threads for storage that exist only in a test's mind: it decides what they start, and when their work is done.
/// </summary>
internal sealed class ScriptedThreads(int most) : IStorageThreads
{
    private readonly ConcurrentQueue<Action> _given = new();

    public int Most => most;

    /// <summary>Whether the system refuses further threads.</summary>
    public bool Refuses { get; set; }

    /// <summary>Called when it refuses a thread.</summary>
    public Action? Refused { get; set; }

    /// <summary>Whether work was offered for which no thread might be started.</summary>
    public bool WasToldNotToStart { get; private set; }

    public int Given => _given.Count;

    public bool TryRun(Action work, bool mayStart)
    {
        WasToldNotToStart |= !mayStart;
        if (Refuses || !mayStart)
        {
            Refused?.Invoke();
            return false;
        }

        _given.Enqueue(work);
        return true;
    }

    /// <summary>Lets the thread that got its work first do it.</summary>
    public void RunOne()
    {
        Assert.True(_given.TryDequeue(out Action? work));
        work();
    }
}
