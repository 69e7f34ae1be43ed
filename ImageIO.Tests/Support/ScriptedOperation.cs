using ImageIO.Core.Tickets;

namespace ImageIO.Tests.Support;

/// <summary>An operation that a test moves on by hand.</summary>
internal sealed class ScriptedOperation(long offset = 0) : IOperation
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long Offset => offset;

    public long Done { get; set; }

    public bool IsCanceled { get; private set; }

    public Task RunAsync(CancellationToken cancellationToken) => _end.Task;

    public void Cancel() => IsCanceled = true;

    public void End() => _end.SetResult();

    /// <summary>Stops as operations do that noticed the cancel between two buffers.</summary>
    public void EndCanceled() => _end.SetException(new OperationCanceledException());
}
