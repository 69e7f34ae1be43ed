using ImageIO.Backends.Block;
using ImageIO.Backends.Testing;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Backends;

/// <summary>The contract of backends on block devices, on every kind of device of the storage matrix.</summary>
public static class BlockBackendMatrixTests
{
    public sealed class OnLoopWith512ByteSectors() : LoopRow(512);

    public sealed class OnLoopWith4096ByteSectors() : LoopRow(4096);

    public sealed class OnZram : Row
    {
        protected override async ValueTask<(string Path, IAsyncDisposable Device)> CreateDeviceAsync(long size)
        {
            Skip.If(ZramDevice.WhyNot is not null, ZramDevice.WhyNot);
            ZramDevice device = await ZramDevice.CreateAsync(size);
            return (device.Path, device);
        }
    }

    public abstract class LoopRow(int sectorSize) : Row
    {
        protected override async ValueTask<(string Path, IAsyncDisposable Device)> CreateDeviceAsync(long size)
        {
            Skip.If(LoopDevice.WhyNot is not null, LoopDevice.WhyNot);
            LoopDevice device = await LoopDevice.CreateAsync(size, sectorSize);
            return (device.Path, device);
        }
    }

    // A device has a fixed number of whole blocks.
    [Trait("Needs", "Root")]
    [Without(ContractParts.Growth | ContractParts.PartialBlocks)]
    public abstract class Row : BackendContractTests
    {
        private readonly List<IAsyncDisposable> _devices = [];

        protected abstract ValueTask<(string Path, IAsyncDisposable Device)> CreateDeviceAsync(long size);

        protected override IBackendFactory CreateFactory() =>
            new BlockBackendFactory(NullLogger<BlockBackendFactory>.Instance);

        protected override async ValueTask<ImageUrl> CreateImageAsync(long size)
        {
            (string path, IAsyncDisposable device) = await CreateDeviceAsync(size);
            _devices.Add(device);
            return ImageUrl.Parse($"file://{path}");
        }

        public override async Task DisposeAsync()
        {
            await base.DisposeAsync();
            foreach (IAsyncDisposable device in _devices)
            {
                await device.DisposeAsync();
            }
        }
    }
}
