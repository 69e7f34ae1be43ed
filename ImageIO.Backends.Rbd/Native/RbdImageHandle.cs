using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>
/// rbd_image_t: an open image. After disposal it is closed when the last call on it ends, because librbd aborts a
/// process that uses a closed image.
/// </summary>
internal sealed class RbdImageHandle : SafeHandle
{
    private readonly Action _closed;
    private readonly TaskCompletionSource<long> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="image">The result of an open.</param>
    /// <param name="closed">Called when it is closed.</param>
    public RbdImageHandle(nint image, Action closed)
        : base(0, ownsHandle: true)
    {
        _closed = closed;
        SetHandle(image);
    }

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>Completes with the result of closing; an error is negative.</summary>
    public Task<long> Closed => _result.Task;

    /// <summary>Closes it after the last call.</summary>
    protected override bool ReleaseHandle()
    {
        nint image = handle;
        _ = EndAsync(Completion.Run(completion => LibRbd.Close(image, completion)));
        return true;
    }

    private async Task EndAsync(Task<long> closing)
    {
        long result = await closing.ConfigureAwait(false);
        _closed();
        _result.TrySetResult(result);
    }
}
