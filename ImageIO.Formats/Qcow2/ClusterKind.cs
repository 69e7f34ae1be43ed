namespace ImageIO.Formats.Qcow2;

/// <summary>Where the bytes of a guest cluster are.</summary>
internal enum ClusterKind
{
    /// <summary>Not in this layer.</summary>
    Unallocated,

    /// <summary>Nowhere: they read as zeroes.</summary>
    Zero,

    /// <summary>In the file as they are.</summary>
    Data,

    /// <summary>In the file, packed.</summary>
    Compressed,
}
