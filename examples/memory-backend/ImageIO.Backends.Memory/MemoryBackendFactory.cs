using System.Collections.Concurrent;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Memory;

/// <summary>
/// Opens disks in memory, <c>memory:NAME</c>: made by the first ticket that writes, gone with the daemon.
/// </summary>
public sealed class MemoryBackendFactory : IBackendFactory
{
    private readonly ConcurrentDictionary<string, MemoryDisk> _disks = new(StringComparer.Ordinal);

    public string Name => "memory";

    public IReadOnlyCollection<string> Schemes { get; } = ["memory"];

    public bool Accepts(ImageUrl url) => true;

    public ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        MemoryDisk? disk = access.Write
            ? _disks.GetOrAdd(url.Rest, _ => new MemoryDisk())
            : _disks.GetValueOrDefault(url.Rest);
        return disk is null
            ? throw new TransferException(TransferError.ImageUnavailable, $"There is no disk {url}")
            : ValueTask.FromResult<IBackend>(new MemoryBackend(disk, access.Write));
    }
}
