using System.Buffers.Binary;

namespace ImageIO.Formats.Qcow2;

internal sealed partial class Qcow2WriterTables
{
    private const int IoSize = 1024 * 1024;

    private readonly SemaphoreSlim _flushGate = new(1);
    private readonly Dictionary<int, LinkedListNode<Table>> _cache = [];
    private readonly LinkedList<Table> _byUse = [];
    private bool _isL1Dirty;

    /// <summary>Makes everything durable that was noted before the call.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        await _flushGate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ulong[]? l1 = await WriteTablesAsync(cancellationToken).ConfigureAwait(false);
            // Tables must be durable before L1 refers to them.
            await _file.Backend.FlushAsync(cancellationToken).ConfigureAwait(false);
            if (l1 is not null)
            {
                await WriteTableAsync(l1, L1Offset, cancellationToken).ConfigureAwait(false);
                await _file.Backend.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            _isL1Dirty = true;
            throw;
        }
        finally
        {
            _flushGate.Release();
        }
    }

    /// <summary>Writes a table; what it leaves of its last cluster is zero.</summary>
    public async ValueTask WriteTableAsync(ulong[] entries, long offset, CancellationToken cancellationToken)
    {
        long bytes = Qcow2Layout.DivideUp(entries.Length * 8L, _clusterSize) * _clusterSize;
        Memory<byte> buffer = AlignedMemory.Allocate((int)Math.Min(bytes, Math.Max(IoSize, _clusterSize)));
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

    // Under the gate. Null: nothing was written there, and the table is not to be created.
    private async ValueTask<Table?> TableAsync(int index, bool creates, CancellationToken cancellationToken)
    {
        if (_cache.TryGetValue(index, out LinkedListNode<Table>? node))
        {
            _byUse.Remove(node);
            _byUse.AddFirst(node);
            return node.Value;
        }

        if (_l1[index] == 0 && !creates)
        {
            return null;
        }

        while (_byUse.Count >= _cachedTables)
        {
            await EvictAsync(_byUse.Last!.Value, cancellationToken).ConfigureAwait(false);
        }

        Table table;
        if (_l1[index] == 0)
        {
            table = new Table(index, new ulong[EntriesPerTable]) { IsDirty = true };
            _l1[index] = ClusterEntry.Data(Allocate(1)).Value;
            _isL1Dirty = true;
        }
        else
        {
            long offset = new ClusterEntry(_l1[index]).DataOffset;
            table = new Table(
                index,
                await Qcow2Tables.ReadTableAsync(
                    _file, offset, EntriesPerTable, cancellationToken).ConfigureAwait(false));
        }

        _cache[index] = _byUse.AddFirst(table);
        return table;
    }

    private async ValueTask EvictAsync(Table table, CancellationToken cancellationToken)
    {
        if (table.IsDirty)
        {
            // A table in the file must not lead to bytes that a power cut takes, in place of bytes that were durable.
            await _file.Backend.FlushAsync(cancellationToken).ConfigureAwait(false);
            await WriteAsync(table, cancellationToken).ConfigureAwait(false);
        }

        _cache.Remove(table.Index);
        _byUse.RemoveLast();
    }

    private async ValueTask WriteAsync(Table table, CancellationToken cancellationToken)
    {
        await WriteTableAsync(
            table.Entries, new ClusterEntry(_l1[table.Index]).DataOffset, cancellationToken).ConfigureAwait(false);
        table.IsDirty = false;
    }

    // L1 as it must be written then. Null: it is in the file already.
    private async ValueTask<ulong[]?> WriteTablesAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            foreach (Table table in _byUse.Where(table => table.IsDirty))
            {
                await WriteAsync(table, cancellationToken).ConfigureAwait(false);
            }

            bool isDirty = _isL1Dirty;
            _isL1Dirty = false;
            return isDirty ? (ulong[])_l1.Clone() : null;
        }
        finally
        {
            _gate.Release();
        }
    }

    private sealed class Table(int index, ulong[] entries)
    {
        public int Index { get; } = index;

        public ulong[] Entries { get; } = entries;

        /// <summary>Whether it says more than what is in the file.</summary>
        public bool IsDirty { get; set; }
    }
}
