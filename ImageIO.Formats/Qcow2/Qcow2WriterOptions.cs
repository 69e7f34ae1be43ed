using ImageIO.Core.Backends;

namespace ImageIO.Formats.Qcow2;

/// <summary>The properties of a new qcow2 image.</summary>
public sealed record Qcow2WriterOptions
{
    /// <summary>Bytes of the guest's disk, rounded up to a multiple of 512.</summary>
    public required long VirtualSize { get; init; }

    /// <summary>Bytes of a cluster, a power of two from 512 to 2 MiB. qemu's default is 64 KiB.</summary>
    public int ClusterSize { get; init; } = 64 * 1024;

    /// <summary>Compression of clusters.</summary>
    public Qcow2Compression Compression { get; init; }

    /// <summary>Name of the backing file for the header. Null: none.</summary>
    public string? BackingFile { get; init; }

    /// <summary>Format of the backing file, like <c>raw</c> or <c>qcow2</c>. Required with one.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>
    /// The opened backing file, for clusters that are written in part. Null: their other part becomes zeroes. Not
    /// closed with the image.
    /// </summary>
    public IBackend? Backing { get; init; }

    /// <summary>
    /// Bytes of tables that are kept in memory; with the usual clusters, 16 MiB are those of 128 GiB of guest.
    /// </summary>
    internal int TableCacheBytes { get; init; } = 16 * 1024 * 1024;
}
