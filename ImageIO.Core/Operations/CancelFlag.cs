namespace ImageIO.Core.Operations;

/// <summary>Stops an operation. Checked between its buffers or steps.</summary>
/// <remarks>
/// Not a cancellation token for the client's stream: an operation of a cancelled ticket finishes its current buffer,
/// and a client that stalls in it is subject to the manager's timeout (daemon-api section 3, DELETE).
/// </remarks>
internal sealed class CancelFlag
{
    private volatile bool _set;

    public void Set() => _set = true;

    /// <exception cref="OperationCanceledException">The flag is set.</exception>
    public void ThrowIfSet()
    {
        if (_set)
        {
            throw new OperationCanceledException("The operation was canceled");
        }
    }
}
