namespace ImageIO.Tests.Support;

/// <summary>A held call: the test sees it arrive, and lets it continue.</summary>
internal sealed class Held
{
    private readonly TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the call has arrived.</summary>
    public Task Arrived => _arrived.Task;

    public void Release() => _released.TrySetResult();

    public Task StandAsync()
    {
        _arrived.TrySetResult();
        return _released.Task;
    }
}
