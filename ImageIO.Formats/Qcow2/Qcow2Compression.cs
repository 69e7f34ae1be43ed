namespace ImageIO.Formats.Qcow2;

/// <summary>Compression of clusters in a qcow2 image.</summary>
public enum Qcow2Compression
{
    /// <summary>No cluster is compressed.</summary>
    None,

    /// <summary>Raw deflate. Every reader of qcow2 supports it.</summary>
    Zlib,

    /// <summary>Zstandard; needs qemu 5.1 or later.</summary>
    Zstd,
}
