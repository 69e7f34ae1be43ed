using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using Microsoft.Extensions.Logging;

namespace ImageIO.Backends.Block;

/// <summary>Opens images on block devices: <c>file:</c> URLs whose path is a block device.</summary>
/// <param name="logger">Logs each opened device.</param>
public sealed partial class BlockBackendFactory(ILogger<BlockBackendFactory> logger) : IBackendFactory
{
    /// <inheritdoc />
    public string Name => "block";

    /// <inheritdoc />
    public IReadOnlyCollection<string> Schemes { get; } = [FilePath.Scheme];

    /// <inheritdoc />
    public bool Accepts(ImageUrl url) => FilePath.IsBlockDevice(url);

    /// <inheritdoc />
    public ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        // Never with O_EXCL, because volumes are held by LVM, multipath or a guest.
        var file = DirectFile.Open(FilePath.Of(url), access.Write);
        try
        {
            BlockDevice device = BlockDevice.Ask(file);
            Log.DeviceOpened(logger, file.Path, device.Size, device.LogicalSectorSize, device.PhysicalSectorSize);
            return ValueTask.FromResult<IBackend>(new BlockBackend(file, device, access.Write));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            69, LogLevel.Debug, "Device {Path}: {Size} bytes, logical sector {Logical}, physical sector {Physical}")]
        public static partial void DeviceOpened(ILogger logger, string path, long size, int logical, int physical);
    }
}
