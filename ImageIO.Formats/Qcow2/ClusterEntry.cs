namespace ImageIO.Formats.Qcow2;

/// <summary>An L2 entry: the state of a guest cluster.</summary>
internal readonly record struct ClusterEntry(ulong Value)
{
    internal const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;
    private const ulong CopiedBit = 1UL << 63;
    private const ulong CompressedBit = 1UL << 62;
    private const ulong ZeroBit = 1;
    private const int Sector = 512;

    /// <summary>A cluster that reads as zeroes and takes no space.</summary>
    public static ClusterEntry Zero => new(ZeroBit);

    /// <summary>An uncompressed cluster.</summary>
    public static ClusterEntry Data(long hostOffset) => new((ulong)hostOffset | CopiedBit);

    /// <summary>A compressed cluster.</summary>
    public static ClusterEntry Compressed(long hostOffset, int length, int clusterBits)
    {
        long sectors = ((hostOffset + length - 1) / Sector) - (hostOffset / Sector);
        return new ClusterEntry((ulong)hostOffset | ((ulong)sectors << SizeShift(clusterBits)) | CompressedBit);
    }

    /// <summary>Its kind. Version 2 has no zero clusters.</summary>
    public ClusterKind Kind(int version) =>
        (Value & CompressedBit) != 0 ? ClusterKind.Compressed
        : version >= 3 && (Value & ZeroBit) != 0 ? ClusterKind.Zero
        : (Value & OffsetMask) != 0 ? ClusterKind.Data
        : ClusterKind.Unallocated;

    /// <summary>Offset of a data cluster in the file.</summary>
    public long DataOffset => (long)(Value & OffsetMask);

    /// <summary>Offset of a compressed cluster in the file. May be any byte.</summary>
    public long PackedOffset(int clusterBits) => (long)(Value & ((1UL << SizeShift(clusterBits)) - 1));

    /// <summary>Most bytes of a compressed cluster, up to the end of its last sector.</summary>
    public int PackedLength(int clusterBits)
    {
        ulong sectors = (Value >> SizeShift(clusterBits)) & ((1UL << (clusterBits - 8)) - 1);
        return (int)(((sectors + 1) * Sector) - ((ulong)PackedOffset(clusterBits) % Sector));
    }

    private static int SizeShift(int clusterBits) => 62 - (clusterBits - 8);
}
