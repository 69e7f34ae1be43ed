using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Gzip;

/// <summary>
/// Opens compressed images for reading, <c>gzip:///path/disk.raw.gz</c>: clients get the disk, not the archive.
/// </summary>
public sealed class GzipBackendFactory : IBackendFactory
{
    public string Name => "gzip";

    public IReadOnlyCollection<string> Schemes { get; } = ["gzip"];

    public bool Accepts(ImageUrl url) => true;

    public ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        if (access.Write)
        {
            throw new TransferException(
                TransferError.ImageUnavailable,
                $"{url} is compressed and can only be read; permit 'read' in its ticket");
        }

        string path = url.Rest.StartsWith("///", StringComparison.Ordinal) ? url.Rest[2..] : url.Rest;
        GzipReader? reader = null;
        try
        {
            reader = new GzipReader(path);
            return ValueTask.FromResult<IBackend>(new GzipBackend(path, reader, reader.FindSize(cancellationToken)));
        }
        catch (Exception e)
        {
            reader?.Dispose();
            if (e is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException)
            {
                throw new TransferException(TransferError.ImageUnavailable, $"Cannot open {url}: {e.Message}", e);
            }

            throw;
        }
    }
}
