using Mono.Unix.Native;

namespace ImageIO.Tests.Support.Fuse;

/// <summary>Holds calls until the test lets them go: a storage that hangs.</summary>
internal sealed class FuseGate
{
    private readonly Lock _lock = new();
    private readonly List<Action<Errno>> _held = [];
    private Errno? _verdict;

    /// <summary>Calls that hang here now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>Waits until so many calls hang here.</summary>
    public Task ReachedAsync(int count = 1) => Eventually.HoldsAsync(
        () => Count >= count, $"{count} calls hang in the file system");

    /// <summary>
    /// Lets all calls do their work, those that hang and those to come. They are answered when this returns.
    /// </summary>
    public void Open() => Answer(0);

    /// <summary>Lets all calls fail, those that hang and those to come. They are answered when this returns.</summary>
    public void Fail(Errno errno) => Answer(errno);

    /// <summary>Keeps what a call does next until the gate opens.</summary>
    internal void Enter(Action<Errno> next)
    {
        Errno verdict;
        lock (_lock)
        {
            if (_verdict is null)
            {
                _held.Add(next);
                return;
            }

            verdict = _verdict.Value;
        }

        next(verdict);
    }

    // On the caller's thread: a test may hold every thread of the runtime's pool in a call that hangs here.
    private void Answer(Errno verdict)
    {
        Action<Errno>[] held;
        lock (_lock)
        {
            _verdict = verdict;
            held = [.. _held];
            _held.Clear();
        }

        foreach (Action<Errno> next in held)
        {
            next(verdict);
        }
    }
}
