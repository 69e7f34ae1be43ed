using ImageIO.Core.Tickets;
using ImageIO.Http.Forwarding;

namespace ImageIO.Web.Endpoints;

/// <summary>A request that another daemon serves, as an operation of the ticket that it comes under.</summary>
/// <param name="forwarder">Carries it out.</param>
/// <param name="context">The client's request.</param>
/// <param name="request">Where it goes to.</param>
/// <param name="offset">First image byte that it is about.</param>
/// <param name="zeroed">Bytes that it changes without sending them.</param>
internal sealed class ForwardOperation(
    Forwarder forwarder, HttpContext context, ForwardRequest request, long offset, long zeroed) : IOperation, IDisposable
{
    private readonly CancellationTokenSource _cancel = new();
    private bool _isZeroed;

    /// <inheritdoc />
    public long Offset => offset;

    /// <inheritdoc />
    public long Done => zeroed == 0 && !_isZeroed ? request.Progress.Bytes : _isZeroed ? zeroed : 0;

    /// <inheritdoc />
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _cancel.Token);
        await forwarder.ForwardAsync(context, request, either.Token);
        _isZeroed = zeroed > 0 && context.Response.StatusCode == StatusCodes.Status200OK;
    }

    /// <summary>Ends it at once, on both sides.</summary>
    // On another thread: what the request does next takes the ticket's lock, which the caller holds.
    public void Cancel() => _ = _cancel.CancelAsync();

    /// <inheritdoc />
    public void Dispose() => _cancel.Dispose();
}
