using Mono.Unix.Native;

namespace ImageIO.Tests.Support.Fuse;

/// <summary>
/// A rule for some calls: <c>storage.When(FuseOperation.Write).Nth(2).Fail(Errno.ENOSPC)</c>. The newest rule that
/// applies to a call wins.
/// </summary>
/// <param name="operation">The kind of the calls.</param>
/// <param name="where">Selects calls. Null: all.</param>
internal sealed class FuseRule(FuseOperation operation, Predicate<FuseCall>? where)
{
    private int _first = 1;
    private int _last = int.MaxValue;
    private int _count;

    /// <summary>Calls that it was about so far, whether or not it changed them.</summary>
    public int Count => Volatile.Read(ref _count);

    internal FuseGate? Gate { get; private set; }

    internal Errno Error { get; private set; }

    internal Errno LateError { get; private set; }

    internal int? Limit { get; private set; }

    internal Action<FuseCall>? Action { get; private set; }

    /// <summary>Applies only to the n-th of the calls, counted from 1.</summary>
    public FuseRule Nth(int n)
    {
        (_first, _last) = (n, n);
        return this;
    }

    /// <summary>Applies only to so many of the calls.</summary>
    public FuseRule Times(int count)
    {
        _last = _first + count - 1;
        return this;
    }

    /// <summary>The calls change nothing and fail.</summary>
    public FuseRule Fail(Errno errno)
    {
        Error = errno;
        return this;
    }

    /// <summary>The calls do their work, and fail then.</summary>
    public FuseRule FailAfterwards(Errno errno)
    {
        LateError = errno;
        return this;
    }

    /// <summary>Reads and writes move at most so many bytes.</summary>
    public FuseRule Shorten(int bytes)
    {
        Limit = bytes;
        return this;
    }

    /// <summary>
    /// Runs on the thread of the file system, before the call does its work. It must not use the file system.
    /// </summary>
    public FuseRule Run(Action<FuseCall> action)
    {
        Action = action;
        return this;
    }

    /// <summary>The calls hang until the test opens the gate.</summary>
    public FuseGate Hang() => Hang(new FuseGate());

    /// <summary>The same, at a gate that several rules have.</summary>
    public FuseGate Hang(FuseGate gate) => Gate = gate;

    /// <summary>Whether it applies to this call, which is counted.</summary>
    internal bool Takes(FuseCall call) =>
        call.Operation == operation
        && (where is null || where(call))
        && Interlocked.Increment(ref _count) is var nth
        && nth >= _first
        && nth <= _last;
}
