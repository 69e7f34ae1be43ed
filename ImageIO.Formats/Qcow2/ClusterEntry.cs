namespace ImageIO.Formats.Qcow2;

/// <summary>An L2 entry: what it says of a guest cluster.</summary>
internal readonly record struct ClusterEntry(ulong Value)
{
    internal const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;
    private const ulong CopiedBit = 1UL << 63;
    private const ulong CompressedBit = 1UL << 62;
    private const ulong ZeroBit = 1;
    private const int Sector = 512;

    /// <summary>A cluster that reads as zeroes and takes no space.</summary>
    public static ClusterEntry Zero => new(ZeroBit);

    /// <summary>A cluster as it is.</summary>
    public static ClusterEntry Data(long hostOffset) => new((ulong)hostOffset | CopiedBit);

    /// <summary>A packed cluster.</summary>
    public static ClusterEntry Compressed(long hostOffset, int length, int clusterBits)
    {
        long sectors = ((hostOffset + length - 1) / Sector) - (hostOffset / Sector);
        return new ClusterEntry((ulong)hostOffset | ((ulong)sectors << SizeShift(clusterBits)) | CompressedBit);
    }

    /// <summary>What it says. Version 2 knows no zero clusters.</summary>
    public ClusterKind Kind(int version) =>
        (Value & CompressedBit) != 0 ? ClusterKind.Compressed
        : version >= 3 && (Value & ZeroBit) != 0 ? ClusterKind.Zero
        : (Value & OffsetMask) != 0 ? ClusterKind.Data
        : ClusterKind.Unallocated;

    /// <summary>Offset of a data cluster in the file.</summary>
    public long DataOffset => (long)(Value & OffsetMask);

    /// <summary>Offset of a packed cluster in the file; any byte.</summary>
    public long PackedOffset(int clusterBits) => (long)(Value & ((1UL << SizeShift(clusterBits)) - 1));

    /// <summary>Bytes that a packed cluster takes at most, up to the end of its last sector.</summary>
    public int PackedLength(int clusterBits)
    {
        ulong sectors = (Value >> SizeShift(clusterBits)) & ((1UL << (clusterBits - 8)) - 1);
        return (int)(((sectors + 1) * Sector) - ((ulong)PackedOffset(clusterBits) % Sector));
    }

    private static int SizeShift(int clusterBits) => 62 - (clusterBits - 8);
}
