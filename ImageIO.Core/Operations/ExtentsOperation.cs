using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;

namespace ImageIO.Core.Operations;

/// <summary>Lists the extents of an image for a client.</summary>
/// <param name="image">The image.</param>
/// <param name="limit">Where the ticket ends.</param>
/// <param name="context">Which flags are wanted.</param>
/// <param name="give">Called with one extent after the other, merged and in order.</param>
public sealed class ExtentsOperation(
    ImageHandle image, long limit, ExtentContext context, Func<Extent, ValueTask> give) : IOperation
{
    private readonly CancelFlag _cancel = new();

    /// <inheritdoc />
    public long Offset => 0;

    /// <summary>Always 0, because extents are no image bytes.</summary>
    public long Done => 0;

    /// <inheritdoc />
    public bool IsUse => false;

    /// <inheritdoc />
    public void Cancel() => _cancel.Set();

    /// <summary>Runs it.</summary>
    /// <exception cref="Errors.TransferException">Why the storage failed, or that its extents do not cover the
    /// image.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (Extent extent in ExtentMerger.ReadAsync(image, limit, context, cancellationToken))
        {
            _cancel.ThrowIfSet();
            await give(extent);
        }
    }
}
