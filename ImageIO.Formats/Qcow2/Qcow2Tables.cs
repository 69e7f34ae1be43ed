using System.Buffers.Binary;

namespace ImageIO.Formats.Qcow2;

/// <summary>L1 and L2 tables of an image: where each guest cluster is. Thread-safe.</summary>
internal sealed class Qcow2Tables : IDisposable
{
    // Bytes of cached L2 tables. With the usual clusters they cover 256 GiB of guest.
    private const int CacheBytes = 32 * 1024 * 1024;

    private readonly UnalignedAccess _file;
    private readonly Qcow2Header _header;
    private readonly long _fileSize;
    private readonly ulong[] _l1;
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _load = new(1);
    private readonly Dictionary<int, LinkedListNode<(int Index, ulong[] Entries)>> _cache = [];
    private readonly LinkedList<(int Index, ulong[] Entries)> _byUse = [];

    private Qcow2Tables(UnalignedAccess file, Qcow2Header header, long fileSize, ulong[] l1)
    {
        _file = file;
        _header = header;
        _fileSize = fileSize;
        _l1 = l1;
    }

    private int EntriesPerTable => _header.ClusterSize / 8;

    private int CachedTables => Math.Max(4, CacheBytes / _header.ClusterSize);

    public static async ValueTask<Qcow2Tables> LoadAsync(
        UnalignedAccess file, Qcow2Header header, long fileSize, CancellationToken cancellationToken)
    {
        ulong[] l1 = await ReadTableAsync(
            file, header.L1Offset, header.L1Entries, cancellationToken).ConfigureAwait(false);
        CheckL1(header, l1, fileSize);
        return new Qcow2Tables(file, header, fileSize, l1);
    }

    /// <summary>The run at a guest offset, within one L2 table and the image.</summary>
    public async ValueTask<ClusterRun> FindAsync(long guestOffset, long maxLength, CancellationToken cancellationToken)
    {
        int bits = _header.ClusterBits;
        long cluster = guestOffset >> bits;
        int inCluster = (int)(guestOffset & (_header.ClusterSize - 1));
        int l1Index = (int)(cluster / EntriesPerTable);
        int l2Index = (int)(cluster % EntriesPerTable);
        long inTable = ((long)(EntriesPerTable - l2Index) << bits) - inCluster;
        long limit = Math.Min(Math.Min(maxLength, inTable), _header.VirtualSize - guestOffset);
        if ((_l1[l1Index] & ClusterEntry.OffsetMask) == 0)
        {
            return new ClusterRun(ClusterKind.Unallocated, 0, limit);
        }

        ulong[] table = await TableAsync(l1Index, cancellationToken).ConfigureAwait(false);
        return Extend(table, l2Index, inCluster, limit);
    }

    public void Dispose() => _load.Dispose();

    private ClusterRun Extend(ulong[] table, int index, int inCluster, long limit)
    {
        int bits = _header.ClusterBits;
        var entry = new ClusterEntry(table[index]);
        ClusterKind kind = entry.Kind(_header.Version);
        long length = _header.ClusterSize - inCluster;
        if (kind == ClusterKind.Compressed)
        {
            long packed = entry.PackedOffset(bits);
            // The last sector may pass the end of the file.
            return packed >= _header.ClusterSize && packed < _fileSize
                ? new ClusterRun(kind, packed, Math.Min(length, limit), entry.PackedLength(bits))
                : throw FormatError.Corrupt(
                    $"qcow2: a compressed cluster at {packed}, outside of the file of {_fileSize} bytes");
        }

        long host = kind == ClusterKind.Data ? CheckedData(entry) : 0;
        while (length < limit && new ClusterEntry(table[++index]) is var next && next.Kind(_header.Version) == kind
            && (kind != ClusterKind.Data || next.DataOffset == host + inCluster + length))
        {
            if (kind == ClusterKind.Data)
            {
                CheckedData(next);
            }

            length += _header.ClusterSize;
        }

        return new ClusterRun(kind, kind == ClusterKind.Data ? host + inCluster : 0, Math.Min(length, limit));
    }

    private long CheckedData(ClusterEntry entry)
    {
        long offset = entry.DataOffset;
        return offset % _header.ClusterSize == 0 && offset < _fileSize
            ? offset
            : throw FormatError.Corrupt(
                $"qcow2: a cluster at {offset}, which no cluster of the file of {_fileSize} bytes is");
    }

    private async ValueTask<ulong[]> TableAsync(int l1Index, CancellationToken cancellationToken)
    {
        if (Cached(l1Index) is { } table)
        {
            return table;
        }

        await _load.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Cached(l1Index) is { } loaded)
            {
                return loaded;
            }

            long offset = (long)(_l1[l1Index] & ClusterEntry.OffsetMask);
            table = await ReadTableAsync(_file, offset, EntriesPerTable, cancellationToken).ConfigureAwait(false);
            Keep(l1Index, table);
            return table;
        }
        finally
        {
            _load.Release();
        }
    }

    private ulong[]? Cached(int index)
    {
        lock (_lock)
        {
            if (!_cache.TryGetValue(index, out LinkedListNode<(int Index, ulong[] Entries)>? node))
            {
                return null;
            }

            _byUse.Remove(node);
            _byUse.AddFirst(node);
            return node.Value.Entries;
        }
    }

    private void Keep(int index, ulong[] table)
    {
        lock (_lock)
        {
            _cache[index] = _byUse.AddFirst((index, table));
            if (_byUse.Count > CachedTables)
            {
                _cache.Remove(_byUse.Last!.Value.Index);
                _byUse.RemoveLast();
            }
        }
    }

    /// <summary>Reads a table as it is.</summary>
    internal static async ValueTask<ulong[]> ReadTableAsync(
        UnalignedAccess file, long offset, int entries, CancellationToken cancellationToken)
    {
        var table = new ulong[entries];
        Memory<byte> bytes = AlignedMemory.Allocate(entries * 8);
        await file.ReadAsync(bytes, offset, cancellationToken).ConfigureAwait(false);
        for (int i = 0; i < entries; i++)
        {
            table[i] = BinaryPrimitives.ReadUInt64BigEndian(bytes.Span[(i * 8)..]);
        }

        return table;
    }

    // If two guest ranges could share an L2 table, a small file could describe an endless image. Tables must not
    // overlap, nor pass the file's end.
    private static void CheckL1(Qcow2Header header, ulong[] l1, long fileSize)
    {
        long[] offsets = [.. l1.Select(
            entry => (long)(entry & ClusterEntry.OffsetMask)).Where(offset => offset != 0).Order()];
        for (int i = 0; i < offsets.Length; i++)
        {
            long offset = offsets[i];
            bool isInside = offset % header.ClusterSize == 0
                && fileSize >= header.ClusterSize && offset <= fileSize - header.ClusterSize;
            if (!isInside || offset < header.ClusterSize
                || Overlaps(offset, header.ClusterSize, header.L1Offset, header.L1Entries * 8L)
                || Overlaps(offset, header.ClusterSize, header.RefcountTableOffset, header.RefcountTableBytes))
            {
                throw FormatError.Corrupt($"qcow2: an L2 table at {offset}, where none can be");
            }

            if (i > 0 && offset == offsets[i - 1])
            {
                throw FormatError.Corrupt($"qcow2: two L1 entries share the L2 table at {offset}");
            }
        }
    }

    private static bool Overlaps(long a, long aLength, long b, long bLength) => a < b + bLength && b < a + aLength;
}
