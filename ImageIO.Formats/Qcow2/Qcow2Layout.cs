using ImageIO.Core.Buffers;

namespace ImageIO.Formats.Qcow2;

/// <summary>Computes the space of an image's metadata.</summary>
internal static class Qcow2Layout
{
    /// <summary>Bits of a reference count; qemu's default.</summary>
    public const int RefcountBits = 16;

    /// <summary>L2 tables that an image can have.</summary>
    public static long L2Tables(long virtualSize, int clusterSize) =>
        DivideUp(DivideUp(virtualSize, clusterSize), clusterSize / 8);

    /// <summary>Clusters that the refcount table and its blocks need to count themselves and other clusters.</summary>
    public static (long Table, long Blocks) RefcountClusters(long clusters, int clusterSize)
    {
        long perBlock = clusterSize * 8L / RefcountBits;
        long perTable = clusterSize / 8;
        long table = 0, blocks = 0, before;
        do
        {
            before = table + blocks;
            blocks = DivideUp(clusters + before, perBlock);
            table = DivideUp(blocks, perTable);
        }
        while (table + blocks != before);
        return (table, blocks);
    }

    /// <summary>Bytes of a file with every cluster allocated, as in qemu-img measure.</summary>
    public static long FullyAllocated(long virtualSize, int clusterSize)
    {
        long data = Alignment.Up(virtualSize, clusterSize);
        long perTable = clusterSize / 8;
        long l2Entries = Math.Max(DivideUp(data / clusterSize, perTable), 0) * perTable;
        long l1Entries = DivideUp(l2Entries * 8 / clusterSize, perTable) * perTable;
        long metadata = clusterSize + (l2Entries * 8) + (l1Entries * 8);
        (long table, long blocks) = RefcountClusters((metadata + data) / clusterSize, clusterSize);
        return metadata + ((table + blocks) * clusterSize) + data;
    }

    public static long DivideUp(long value, long by) => (value / by) + (value % by == 0 ? 0 : 1);
}
