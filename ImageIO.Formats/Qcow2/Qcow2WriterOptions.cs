using ImageIO.Core.Backends;

namespace ImageIO.Formats.Qcow2;

/// <summary>What a new qcow2 image shall be.</summary>
public sealed record Qcow2WriterOptions
{
    /// <summary>Bytes that the guest sees; rounded up to a multiple of 512.</summary>
    public required long VirtualSize { get; init; }

    /// <summary>Bytes of a cluster, a power of two from 512 to 2 MiB. 64 KiB is what qemu takes.</summary>
    public int ClusterSize { get; init; } = 64 * 1024;

    /// <summary>How clusters are packed.</summary>
    public Qcow2Compression Compression { get; init; }

    /// <summary>Name of a backing file, written in the header as it is. Null: the image stands alone.</summary>
    public string? BackingFile { get; init; }

    /// <summary>Format of the backing file, like <c>raw</c> or <c>qcow2</c>; required with one.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>
    /// The backing file, opened, for clusters that are written only in part. Null: the other part becomes zeroes. Not
    /// closed with the image.
    /// </summary>
    public IBackend? Backing { get; init; }
}
