using System.Threading.Tasks.Sources;

namespace ImageIO.Core.Backends;

/// <summary>
/// Asks for an image's size on a storage thread, where the caller then continues in any case.
/// </summary>
/// <remarks>
/// An async method that hops would not do: on a busy processor the storage thread often completes it before the caller
/// awaits it, and the caller stays on its thread. The read that follows then hops again.
/// </remarks>
internal sealed class SizeCall(
    StorageShare share, Func<long> ask, Action leave, CancellationToken cancellationToken) : IValueTaskSource<long>
{
    private readonly StorageThread _thread = StorageThread.SwitchAsync(share, cancellationToken);
    private bool _isThere;

    /// <inheritdoc />
    public ValueTaskSourceStatus GetStatus(short token) =>
        _isThere ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

    /// <inheritdoc />
    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        void Continue()
        {
            _isThere = true;
            continuation(state);
        }

        if (flags.HasFlag(ValueTaskSourceOnCompletedFlags.FlowExecutionContext))
        {
            _thread.OnCompleted(Continue);
        }
        else
        {
            _thread.UnsafeOnCompleted(Continue);
        }
    }

    /// <inheritdoc />
    public long GetResult(short token)
    {
        try
        {
            _thread.GetResult();
        }
        catch (OperationCanceledException)
        {
            leave();
            throw;
        }

        return ask();
    }
}
