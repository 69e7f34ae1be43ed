namespace ImageIO.Formats.Qcow2;

/// <summary>
/// The tables of an image that is being written, and the place of its next cluster. L1 and the last used tables of L2
/// are in memory, the others in the file. Thread-safe.
/// </summary>
/// <remarks>
/// L1 follows the header, at a place that depends on the image's size. So flushed clusters can be found again, and an
/// interrupted image can be continued; clusters without a reference are free then. The other part has the tables in
/// memory and in the file.
/// </remarks>
internal sealed partial class Qcow2WriterTables : IDisposable
{
    private readonly UnalignedAccess _file;
    private readonly int _clusterSize;
    private readonly int _clusterBits;
    private readonly int _cachedTables;
    private readonly ulong[] _l1;

    // Held for the cache, L1 and the allocator, also while a table is read or written.
    private readonly SemaphoreSlim _gate = new(1);
    // Where the next packed cluster goes, and where its clusters of the file end; the same when there is no room.
    private long _packedNext;
    private long _packedEnd;

    /// <param name="file">The file.</param>
    /// <param name="options">Options of the image.</param>
    /// <param name="clusterBits">Bits of a cluster's size.</param>
    public Qcow2WriterTables(UnalignedAccess file, Qcow2WriterOptions options, int clusterBits)
    {
        _file = file;
        _clusterSize = options.ClusterSize;
        _clusterBits = clusterBits;
        _cachedTables = Math.Max(4, options.TableCacheBytes / options.ClusterSize);
        // An image of no bytes has an entry all the same, for a table at an offset that counts as used.
        _l1 = new ulong[Math.Max(1, Qcow2Layout.L2Tables(options.VirtualSize, options.ClusterSize))];
        Next = L1Offset + L1Bytes;
    }

    /// <summary>Where L1 begins in the file.</summary>
    public long L1Offset => _clusterSize;

    /// <summary>Entries of L1.</summary>
    public int L1Entries => _l1.Length;

    /// <summary>Bytes of L1, in whole clusters.</summary>
    public long L1Bytes => Qcow2Layout.DivideUp(_l1.Length * 8L, _clusterSize) * _clusterSize;

    /// <summary>Where the next cluster goes. Behind it the file is free.</summary>
    public long Next { get; private set; }

    private int EntriesPerTable => _clusterSize / 8;

    public void Dispose()
    {
        _gate.Dispose();
        _flushGate.Dispose();
    }

    /// <summary>Takes over the tables of an image that was interrupted.</summary>
    /// <exception cref="Core.Errors.TransferException">They cannot be those of one.</exception>
    public async ValueTask LoadAsync(CancellationToken cancellationToken)
    {
        long fileSize = _file.Backend.Size;
        ulong[] l1 = await Qcow2Tables.ReadTableAsync(
            _file, L1Offset, _l1.Length, cancellationToken).ConfigureAwait(false);
        l1.CopyTo(_l1, 0);
        for (int i = 0; i < _l1.Length; i++)
        {
            if (_l1[i] == 0)
            {
                continue;
            }

            long offset = new ClusterEntry(_l1[i]).DataOffset;
            if (offset < L1Offset + L1Bytes || offset % _clusterSize != 0 || offset > fileSize - _clusterSize)
            {
                throw FormatError.Corrupt(
                    $"qcow2: what was begun cannot be gone on with: a table at {offset}, where none can be");
            }

            Next = Math.Max(Next, offset + _clusterSize);
            foreach (
                ulong value in (await TableAsync(i, creates: false, cancellationToken).ConfigureAwait(false))!.Entries)
            {
                Next = Math.Max(Next, EndOf(new ClusterEntry(value)));
            }
        }

        if (Next > Qcow2Layout.DivideUp(fileSize, _clusterSize) * _clusterSize)
        {
            throw FormatError.Corrupt(
                $"qcow2: what was begun cannot be gone on with: the file of {fileSize} bytes was cut");
        }
    }

    /// <summary>The entry of a guest cluster.</summary>
    public async ValueTask<ClusterEntry> EntryOfAsync(long cluster, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Table? table = await TableAsync(IndexOf(cluster), creates: false, cancellationToken).ConfigureAwait(false);
            return new ClusterEntry(table is null ? 0 : table.Entries[cluster % EntriesPerTable]);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>
    /// The place of a run of clusters: where the first one is already, and those that follow it there, or a new one for
    /// all that have none. At most as many as one table knows.
    /// </summary>
    public async ValueTask<(long Host, int Clusters, bool IsNew)> PlaceAsync(
        long cluster, int most, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Table table = (await TableAsync(IndexOf(cluster), creates: true, cancellationToken).ConfigureAwait(false))!;
            int index = (int)(cluster % EntriesPerTable);
            most = Math.Min(most, EntriesPerTable - index);
            var first = new ClusterEntry(table.Entries[index]);
            bool isNew = first.Kind(version: 3) != ClusterKind.Data;
            int count = 1;
            while (count < most && new ClusterEntry(table.Entries[index + count]) is var next
                && (isNew
                    ? next.Kind(version: 3) != ClusterKind.Data
                    : next.Kind(version: 3) == ClusterKind.Data
                        && next.DataOffset == first.DataOffset + ((long)count << _clusterBits)))
            {
                count++;
            }

            return (isNew ? Allocate(count) : first.DataOffset, count, isNew);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>A place for a packed cluster.</summary>
    public async ValueTask<long> PlacePackedAsync(int length, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_packedNext + length > _packedEnd)
            {
                // Packed bytes may continue in the next cluster of the file if it is free.
                long end = _packedEnd;
                long next = Allocate(1);
                _packedNext = end == next ? _packedNext : next;
                _packedEnd = next + _clusterSize;
            }

            long host = _packedNext;
            _packedNext += length;
            return host;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Notes where clusters are that <see cref="PlaceAsync"/> has placed and that are written now.</summary>
    public ValueTask SetDataAsync(long cluster, int clusters, long host, CancellationToken cancellationToken) =>
        SetAsync(
        cluster, clusters, creates: true, (_, i) => ClusterEntry.Data(
            host + ((long)i << _clusterBits)), cancellationToken);

    /// <summary>Notes where a packed cluster is.</summary>
    public ValueTask SetPackedAsync(long cluster, long host, int length, CancellationToken cancellationToken) =>
        SetAsync(
        cluster, 1, creates: true, (_, _) => ClusterEntry.Compressed(host, length, _clusterBits), cancellationToken);

    /// <summary>Notes that clusters are zero.</summary>
    /// <param name="cluster">The first one.</param>
    /// <param name="clusters">How many.</param>
    /// <param name="hides">Whether there is a backing file that would show through; without, what was never written is
    /// zero.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async ValueTask SetZeroAsync(long cluster, long clusters, bool hides, CancellationToken cancellationToken)
    {
        while (clusters > 0)
        {
            int count = (int)Math.Min(clusters, EntriesPerTable - (cluster % EntriesPerTable));
            await SetAsync(
                cluster, count, creates: hides, (entry, _) => hides || entry.Value != 0
                    ? ClusterEntry.Zero
                    : entry, cancellationToken)
                .ConfigureAwait(false);
            cluster += count;
            clusters -= count;
        }
    }

    /// <summary>
    /// All clusters of the file that tables lead to, each as often as they do, and the L2 tables themselves.
    /// </summary>
    /// <param name="count">Called with the first cluster and the last one.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async ValueTask CountAsync(Action<long, long> count, CancellationToken cancellationToken)
    {
        for (int i = 0; i < _l1.Length; i++)
        {
            if (_l1[i] == 0)
            {
                continue;
            }

            long offset = new ClusterEntry(_l1[i]).DataOffset;
            count(offset >> _clusterBits, offset >> _clusterBits);
            foreach (
                ulong value in (await TableAsync(i, creates: false, cancellationToken).ConfigureAwait(false))!.Entries)
            {
                var entry = new ClusterEntry(value);
                if (entry.Kind(version: 3) is ClusterKind.Data or ClusterKind.Compressed)
                {
                    count(StartOf(entry) >> _clusterBits, (EndOf(entry) - 1) >> _clusterBits);
                }
            }
        }
    }

    private int IndexOf(long cluster) => (int)(cluster / EntriesPerTable);

    private long StartOf(ClusterEntry entry) =>
        entry.Kind(version: 3) == ClusterKind.Compressed ? entry.PackedOffset(_clusterBits) : entry.DataOffset;

    private long EndOf(ClusterEntry entry) => entry.Kind(version: 3) switch
    {
        ClusterKind.Data => entry.DataOffset + _clusterSize,
        ClusterKind.Compressed => entry.PackedOffset(_clusterBits) + entry.PackedLength(_clusterBits),
        _ => 0,
    };

    // Under the gate.
    private long Allocate(int clusters)
    {
        // Bytes packed before an interruption may end inside a cluster.
        long host = Qcow2Layout.DivideUp(Next, _clusterSize) * _clusterSize;
        Next = host + ((long)clusters << _clusterBits);
        return host;
    }

    private async ValueTask SetAsync(
        long cluster,
        int clusters,
        bool creates,
        Func<ClusterEntry, int, ClusterEntry> value,
        CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (await TableAsync(IndexOf(cluster), creates, cancellationToken).ConfigureAwait(false) is not { } table)
            {
                return;
            }

            Span<ulong> entries = table.Entries.AsSpan((int)(cluster % EntriesPerTable), clusters);
            for (int i = 0; i < clusters; i++)
            {
                entries[i] = value(new ClusterEntry(entries[i]), i).Value;
            }

            table.IsDirty = true;
        }
        finally
        {
            _gate.Release();
        }
    }
}
