using ImageIO.Core.Tickets;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>A request that another daemon serves, as an operation of its transfer.</summary>
/// <param name="forwarder">Forwards it.</param>
/// <param name="context">The client's request.</param>
/// <param name="request">The destination.</param>
public sealed class ForwardOperation(Forwarder forwarder, HttpContext context, ForwardRequest request)
    : IOperation, IDisposable
{
    private readonly CancellationTokenSource _cancel = new();
    private bool _isZeroed;

    /// <summary>First image byte of the request.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes to zero.</summary>
    public long Zeroes { get; init; }

    /// <summary>Runs before the request is forwarded. Null: nothing.</summary>
    public Func<CancellationToken, Task>? First { get; init; }

    /// <summary>Bytes of the request. Null: not known, or not known yet.</summary>
    public long? Length => Zeroes > 0 ? Zeroes : request.Progress.Length;

    /// <inheritdoc />
    public bool IsUse { get; init; } = true;

    /// <inheritdoc />
    public long Done => _isZeroed ? Zeroes : request.Progress.Bytes;

    /// <inheritdoc />
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _cancel.Token);
        await (First?.Invoke(either.Token) ?? Task.CompletedTask);
        await forwarder.ForwardAsync(context, request, either.Token);
        _isZeroed = Zeroes > 0 && context.Response.StatusCode == StatusCodes.Status200OK;
    }

    /// <summary>Ends it at once, on both sides.</summary>
    // On another thread: the continuation takes the ticket's lock, which the caller holds.
    public void Cancel() => _ = _cancel.CancelAsync();

    /// <inheritdoc />
    public void Dispose() => _cancel.Dispose();
}
