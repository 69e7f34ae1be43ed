namespace ImageIO.Formats.Qcow2;

/// <summary>How the compressed clusters of a qcow2 image are packed.</summary>
public enum Qcow2Compression
{
    /// <summary>No cluster is compressed.</summary>
    None,

    /// <summary>Raw deflate, which every reader of qcow2 knows.</summary>
    Zlib,

    /// <summary>Zstandard; needs qemu 5.1 or later.</summary>
    Zstd,
}
