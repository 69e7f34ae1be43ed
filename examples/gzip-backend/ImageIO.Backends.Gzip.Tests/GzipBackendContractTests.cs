using System.IO.Compression;
using ImageIO.Backends.Testing;
using ImageIO.Core.Backends;

namespace ImageIO.Backends.Gzip.Tests;

/// <summary>The contract of backends that only read, on compressed images.</summary>
public sealed class GzipBackendContractTests : ReadOnlyBackendContractTests
{
    private readonly string _directory = Directory.CreateTempSubdirectory("gzip-backend-").FullName;
    private int _images;

    protected override ImageUrl? MissingImage => ImageUrl.Parse($"gzip://{_directory}/missing.gz");

    protected override IBackendFactory CreateFactory() => new GzipBackendFactory();

    protected override async ValueTask<ImageUrl> CreateImageAsync(byte[] content)
    {
        string path = Path.Combine(_directory, $"{_images++}.gz");
        await using var file = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        await file.WriteAsync(content);
        return ImageUrl.Parse($"gzip://{path}");
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
