using ImageIO.Backends.Testing;
using ImageIO.Core.Backends;

namespace ImageIO.Backends.Memory.Tests;

/// <summary>The contract of backends, on disks in memory.</summary>
public sealed class MemoryBackendContractTests : BackendContractTests
{
    private readonly MemoryBackendFactory _factory = new();
    private int _disks;

    protected override IBackendFactory CreateFactory() => _factory;

    protected override async ValueTask<ImageUrl> CreateImageAsync(long size)
    {
        ImageUrl url = ImageUrl.Parse($"memory:disk{_disks++}");
        await using IBackend made = await _factory.OpenAsync(url, new ImageAccess(Write: true), CancellationToken.None);
        if (size > 0)
        {
            await made.ZeroAsync(0, size, ZeroMode.Deallocate, CancellationToken.None);
        }

        return url;
    }
}
