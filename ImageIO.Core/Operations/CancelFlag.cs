namespace ImageIO.Core.Operations;

/// <summary>Set once to stop an operation; looked at between its buffers or steps.</summary>
/// <remarks>
/// Not a cancellation token handed to the client's stream: a ticket that is cancelled lets the buffer at hand finish,
/// and a client that stalls in it is the manager's timeout to handle (daemon-api section 3, DELETE).
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
