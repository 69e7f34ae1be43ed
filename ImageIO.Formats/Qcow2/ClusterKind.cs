namespace ImageIO.Formats.Qcow2;

/// <summary>Where the bytes of a guest cluster are.</summary>
internal enum ClusterKind
{
    /// <summary>Not in this layer.</summary>
    Unallocated,

    /// <summary>Nowhere: it reads as zeroes.</summary>
    Zero,

    /// <summary>In the file, uncompressed.</summary>
    Data,

    /// <summary>In the file, compressed.</summary>
    Compressed,
}
