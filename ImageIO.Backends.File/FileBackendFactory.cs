using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using Mono.Unix.Native;

namespace ImageIO.Backends.File;

/// <summary>Opens images in regular files: <c>file:</c> URLs whose path is no block device.</summary>
public sealed class FileBackendFactory : IBackendFactory
{
    private readonly SharedFiles _shared = new();

    /// <inheritdoc />
    public string Name => "file";

    /// <inheritdoc />
    public IReadOnlyCollection<string> Schemes { get; } = [FilePath.Scheme];

    /// <summary>True for everything but block devices. A missing file fails when it is opened, with the
    /// reason.</summary>
    public bool Accepts(ImageUrl url) => !FilePath.IsBlockDevice(url);

    /// <inheritdoc />
    public ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        string path = FilePath.Of(url);
        if (FilePath.TypeOf(url) is not (0 or FilePermissions.S_IFREG))
        {
            // Checked before opening, because opening a pipe waits for its other end.
            throw new TransferException(TransferError.ImageUnavailable, $"{path} is not a regular file");
        }

        var file = DirectFile.Open(path, access.Write);
        SharedFile shared = _shared.Open(file.Identity);
        try
        {
            int blockSize = Math.Max(FileBlockSize.Detect(file), shared.RefusesSmallBlocks ? FileBlockSize.Large : 0);
            return ValueTask.FromResult<IBackend>(
                new FileBackend(file, blockSize, access.Write, shared, () => _shared.Close(file.Identity)));
        }
        catch
        {
            _shared.Close(file.Identity);
            file.Dispose();
            throw;
        }
    }
}
