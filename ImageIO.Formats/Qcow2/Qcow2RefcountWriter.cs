using System.Buffers.Binary;

namespace ImageIO.Formats.Qcow2;

/// <summary>Writes the reference counts at the end of a new image.</summary>
/// <remarks>
/// They are counted from the tables, so clusters that a second write has replaced are free. Counted in windows, so
/// memory does not grow with the file.
/// </remarks>
internal sealed class Qcow2RefcountWriter(UnalignedAccess file, Qcow2WriterTables tables, int clusterBits)
{
    // Clusters that are counted at once, 16 MiB of counts. With the usual clusters, 512 GiB of file.
    private const long Window = 8 * 1024 * 1024;

    private readonly int _clusterSize = 1 << clusterBits;

    /// <summary>Writes the table and its blocks. No cluster may be placed any more.</summary>
    /// <returns>Where the table is, and how many clusters it takes.</returns>
    public async ValueTask<(long Table, long TableClusters)> WriteAsync(CancellationToken cancellationToken)
    {
        long used = Qcow2Layout.DivideUp(tables.Next, _clusterSize);
        (long tableClusters, long blocks) = Qcow2Layout.RefcountClusters(used, _clusterSize);
        long table = used << clusterBits;
        long firstBlock = table + (tableClusters << clusterBits);
        var entries = new ulong[tableClusters * (_clusterSize / 8)];
        for (long i = 0; i < blocks; i++)
        {
            entries[i] = (ulong)(firstBlock + (i << clusterBits));
        }

        await tables.WriteTableAsync(entries, table, cancellationToken).ConfigureAwait(false);
        int perBlock = _clusterSize / 2;
        var counts = new ushort[Math.Min(Window, blocks * perBlock)];
        Memory<byte> block = AlignedMemory.Allocate(_clusterSize);
        for (long i = 0; i < blocks; i++)
        {
            long first = i * perBlock;
            if (first % counts.Length == 0)
            {
                await CountAsync(
                    counts, first, used, used + tableClusters + blocks, cancellationToken).ConfigureAwait(false);
            }

            for (int j = 0; j < perBlock; j++)
            {
                BinaryPrimitives.WriteUInt16BigEndian(block.Span[(j * 2)..], counts[(first % counts.Length) + j]);
            }

            await file.WriteAsync(block, firstBlock + (i << clusterBits), cancellationToken).ConfigureAwait(false);
        }

        return (table, tableClusters);
    }

    private async ValueTask CountAsync(
        ushort[] counts, long first, long ownFirst, long end, CancellationToken cancellationToken)
    {
        Array.Clear(counts);
        void Count(long from, long to)
        {
            for (long i = Math.Max(from, first); i <= Math.Min(to, first + counts.Length - 1); i++)
            {
                counts[i - first]++;
            }
        }

        // The header and L1; this table and its blocks.
        Count(0, (tables.L1Offset + tables.L1Bytes - 1) >> clusterBits);
        Count(ownFirst, end - 1);
        await tables.CountAsync(Count, cancellationToken).ConfigureAwait(false);
    }
}
