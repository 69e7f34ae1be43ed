using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Block;

/// <summary>Opens images on block devices: <c>file:</c> URLs that are a block device.</summary>
public sealed class BlockBackendFactory : IBackendFactory
{
    /// <inheritdoc />
    public string Name => "block";

    /// <inheritdoc />
    public IReadOnlyCollection<string> Schemes { get; } = [FilePath.Scheme];

    /// <inheritdoc />
    public bool Accepts(ImageUrl url) => FilePath.IsBlockDevice(url);

    /// <summary>Not yet: devices come with the storage work; until then opening one is refused, by name.</summary>
    public ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken) =>
        throw new TransferException(
            TransferError.ImageUnavailable, $"{FilePath.Of(url)} is a block device, which this version does not serve");
}
