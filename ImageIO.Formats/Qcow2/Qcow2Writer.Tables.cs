using System.Buffers.Binary;

namespace ImageIO.Formats.Qcow2;

public sealed partial class Qcow2Writer
{
    private const int IoSize = 1024 * 1024;

    private readonly Lock _lock = new();

    // By L1 index. Null: nothing was written in this range.
    private readonly ulong[]?[] _l2;

    // Offset of the next new cluster. The file is free behind it.
    private long _next;

    // Offset of the next compressed cluster, and the end of the room for it. Equal if there is no room.
    private long _packedNext;
    private long _packedEnd;

    private int EntriesPerTable => _options.ClusterSize / 8;

    /// <summary>Writes tables and header, and makes everything durable. The image is complete then.</summary>
    /// <param name="cancellationToken">Ends the call; the image is incomplete then.</param>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        int cluster = _options.ClusterSize;
        // An empty image has one entry, too, with a table offset that counts as used.
        var l1 = new ulong[Math.Max(1, _l2.Length)];
        long dataEnd = _next;
        for (int i = 0; i < _l2.Length; i++)
        {
            if (_l2[i] is { } table)
            {
                l1[i] = ClusterEntry.Data(_next).Value;
                await WriteTableAsync(table, _next, cancellationToken).ConfigureAwait(false);
                _next += cluster;
            }
        }

        long l1Offset = _next;
        _next += Qcow2Layout.DivideUp(l1.Length * 8L, cluster) * cluster;
        await WriteTableAsync(l1, l1Offset, cancellationToken).ConfigureAwait(false);
        (long refcounts, long refcountClusters) = await WriteRefcountsAsync(dataEnd, cancellationToken).ConfigureAwait(false);
        await _file.Backend.FlushAsync(cancellationToken).ConfigureAwait(false);
        await WriteHeaderAsync(l1Offset, l1.Length, refcounts, (uint)refcountClusters, cancellationToken).ConfigureAwait(false);
        await _file.Backend.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private ClusterEntry EntryOf(long cluster)
    {
        lock (_lock)
        {
            return new ClusterEntry(_l2[cluster / EntriesPerTable] is { } table ? table[cluster % EntriesPerTable] : 0);
        }
    }

    private void Set(long cluster, ClusterEntry entry) =>
        (_l2[cluster / EntriesPerTable] ??= new ulong[EntriesPerTable])[cluster % EntriesPerTable] = entry.Value;

    // Places a run of clusters: at their existing place as far as it is contiguous, or at a new one for those without.
    private (long Host, int Clusters, bool IsNew) Place(long cluster, int most)
    {
        lock (_lock)
        {
            ClusterEntry first = EntryOf(cluster);
            bool isNew = first.Kind(version: 3) != ClusterKind.Data;
            int count = 1;
            while (count < most && EntryOf(cluster + count) is var next
                && (isNew
                    ? next.Kind(version: 3) != ClusterKind.Data
                    : next.Kind(version: 3) == ClusterKind.Data
                        && next.DataOffset == first.DataOffset + ((long)count << _clusterBits)))
            {
                count++;
            }

            if (!isNew)
            {
                return (first.DataOffset, count, false);
            }

            long host = _next;
            _next += (long)count << _clusterBits;
            return (host, count, true);
        }
    }

    private long PlacePacked(int length)
    {
        lock (_lock)
        {
            if (_packedNext + length > _packedEnd)
            {
                // Compressed bytes may continue in the next cluster of the file if it is free.
                if (_packedEnd != _next)
                {
                    _packedNext = _next;
                }

                _next += _options.ClusterSize;
                _packedEnd = _next;
            }

            long host = _packedNext;
            _packedNext += length;
            return host;
        }
    }

    private void SetData(long cluster, int clusters, long host)
    {
        lock (_lock)
        {
            for (int i = 0; i < clusters; i++)
            {
                Set(cluster + i, ClusterEntry.Data(host + ((long)i << _clusterBits)));
            }
        }
    }

    private void SetPacked(long cluster, long host, int length)
    {
        lock (_lock)
        {
            Set(cluster, ClusterEntry.Compressed(host, length, _clusterBits));
        }
    }

    private void MarkZero(long cluster)
    {
        lock (_lock)
        {
            // Without a backing file, a cluster that was never written is zero already.
            if (_options.BackingFile is not null || EntryOf(cluster).Value != 0)
            {
                Set(cluster, ClusterEntry.Zero);
            }
        }
    }

    private async ValueTask<(long Table, long TableClusters)> WriteRefcountsAsync(long dataEnd, CancellationToken cancellationToken)
    {
        int cluster = _options.ClusterSize;
        long used = _next >> _clusterBits;
        (long tableClusters, long blocks) = Qcow2Layout.RefcountClusters(used, cluster);
        long table = _next;
        long firstBlock = table + (tableClusters << _clusterBits);
        long end = firstBlock + (blocks << _clusterBits);
        ushort[] counts = CountReferences(end >> _clusterBits, dataEnd >> _clusterBits);
        var entries = new ulong[tableClusters * EntriesPerTable];
        for (long i = 0; i < blocks; i++)
        {
            entries[i] = (ulong)(firstBlock + (i << _clusterBits));
        }

        await WriteTableAsync(entries, table, cancellationToken).ConfigureAwait(false);
        Memory<byte> block = AlignedMemory.Allocate(cluster);
        int perBlock = cluster / 2;
        for (long i = 0; i < blocks; i++)
        {
            for (int j = 0; j < perBlock; j++)
            {
                long index = (i * perBlock) + j;
                BinaryPrimitives.WriteUInt16BigEndian(block.Span[(j * 2)..], index < counts.Length ? counts[index] : (ushort)0);
            }

            await _file.WriteAsync(block, firstBlock + (i << _clusterBits), cancellationToken).ConfigureAwait(false);
        }

        return (table, tableClusters);
    }

    // Counted from the tables, so clusters that a second write abandoned are free.
    private ushort[] CountReferences(long clusters, long dataClusters)
    {
        var counts = new ushort[clusters];
        counts[0] = 1;
        counts.AsSpan((int)dataClusters).Fill(1);
        foreach (ulong value in _l2.Where(table => table is not null).SelectMany(table => table!))
        {
            var entry = new ClusterEntry(value);
            switch (entry.Kind(version: 3))
            {
                case ClusterKind.Data:
                    counts[entry.DataOffset >> _clusterBits]++;
                    break;
                case ClusterKind.Compressed:
                    long start = entry.PackedOffset(_clusterBits);
                    long last = start + entry.PackedLength(_clusterBits) - 1;
                    for (long i = start >> _clusterBits; i <= last >> _clusterBits; i++)
                    {
                        counts[i]++;
                    }

                    break;
                default:
                    break;
            }
        }

        return counts;
    }

    private async ValueTask WriteTableAsync(ulong[] entries, long offset, CancellationToken cancellationToken)
    {
        // Tables fill whole clusters. The rest of an L1 table's last cluster is zero.
        long bytes = Qcow2Layout.DivideUp(entries.Length * 8L, _options.ClusterSize) * _options.ClusterSize;
        Memory<byte> buffer = AlignedMemory.Allocate((int)Math.Min(bytes, Math.Max(IoSize, _options.ClusterSize)));
        for (long done = 0; done < bytes; done += buffer.Length)
        {
            buffer.Span.Clear();
            for (int i = 0; i < buffer.Length / 8 && (done / 8) + i < entries.Length; i++)
            {
                BinaryPrimitives.WriteUInt64BigEndian(buffer.Span[(i * 8)..], entries[(done / 8) + i]);
            }

            int length = (int)Math.Min(buffer.Length, bytes - done);
            await _file.WriteAsync(buffer[..length], offset + done, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask WriteHeaderAsync(
        long l1Offset, int l1Entries, long refcountTable, uint refcountClusters, CancellationToken cancellationToken)
    {
        Memory<byte> cluster = AlignedMemory.Allocate(_options.ClusterSize);
        cluster.Span.Clear();
        new Qcow2HeaderWriter(cluster.Span).Write(_options, _clusterBits, l1Offset, l1Entries, refcountTable, refcountClusters);
        await _file.WriteAsync(cluster, 0, cancellationToken).ConfigureAwait(false);
    }
}
