using ImageIO.Core.Backends;
using ImageIO.Core.Tickets;

namespace ImageIO.Core.Operations;

/// <summary>Makes everything written to an image durable.</summary>
public sealed class FlushOperation : IOperation
{
    private readonly ImageHandle _image;

    /// <summary>Prepares the flush.</summary>
    /// <param name="image">The image, open for writing.</param>
    /// <exception cref="Errors.TransferException"><see cref="Errors.TransferError.NotSupported"/>: it is
    /// not.</exception>
    public FlushOperation(ImageHandle image)
    {
        ArgumentNullException.ThrowIfNull(image);
        image.RequireWrite();
        _image = image;
    }

    /// <inheritdoc />
    public long Offset => 0;

    /// <summary>Always 0, because a flush transfers no bytes.</summary>
    public long Done => 0;

    /// <summary>Does nothing: a flush is one step that cannot be interrupted.</summary>
    public void Cancel()
    {
    }

    /// <summary>Runs the flush.</summary>
    /// <exception cref="Errors.TransferException">Why the storage failed, or that an earlier flush lost
    /// data.</exception>
    public async Task RunAsync(CancellationToken cancellationToken) => await _image.FlushAsync(cancellationToken);
}
