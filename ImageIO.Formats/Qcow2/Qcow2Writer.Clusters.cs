namespace ImageIO.Formats.Qcow2;

public sealed partial class Qcow2Writer
{
    private async ValueTask WriteZeroesAsync(long position, long end, CancellationToken cancellationToken)
    {
        if (position >= end)
        {
            return;
        }

        Memory<byte> zeroes = RentCluster();
        try
        {
            zeroes.Span.Clear();
            await WritePartAsync(zeroes[..(int)(end - position)], position, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _clusters.Add(zeroes);
        }
    }

    // Runs of whole clusters that have no place yet get one together, and are written at once.
    private async ValueTask WriteClustersAsync(
        ReadOnlyMemory<byte> source, long cluster, CancellationToken cancellationToken)
    {
        while (!source.IsEmpty)
        {
            (long host, int clusters, bool isNew) =
                await _tables.PlaceAsync(
                    cluster, source.Length >> _clusterBits, cancellationToken).ConfigureAwait(false);
            int length = clusters << _clusterBits;
            await _file.WriteAsync(source[..length], host, cancellationToken).ConfigureAwait(false);
            if (isNew)
            {
                // Not before the bytes are there: a write that fails leaves the cluster as it was.
                await _tables.SetDataAsync(cluster, clusters, host, cancellationToken).ConfigureAwait(false);
            }

            source = source[length..];
            cluster += clusters;
        }
    }

    private async ValueTask PackClustersAsync(
        ReadOnlyMemory<byte> source, long cluster, CancellationToken cancellationToken)
    {
        ClusterPacker packer = _packers.TryTake(out ClusterPacker? idle)
            ? idle
            : new ClusterPacker(_options.Compression);
        Memory<byte> packed = RentCluster();
        try
        {
            for (; !source.IsEmpty; source = source[_options.ClusterSize..], cluster++)
            {
                ReadOnlyMemory<byte> one = source[.._options.ClusterSize];
                int length = packer.Pack(one.Span, packed.Span);
                if (length == 0)
                {
                    await WriteClustersAsync(one, cluster, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                long host = await _tables.PlacePackedAsync(length, cancellationToken).ConfigureAwait(false);
                await _file.WriteAsync(packed[..length], host, cancellationToken).ConfigureAwait(false);
                await _tables.SetPackedAsync(cluster, host, length, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _packers.Add(packer);
            _clusters.Add(packed);
        }
    }

    // Writes a part of a cluster; its other bytes are unchanged. Always whole clusters are written, because on a device
    // a new cluster has old bytes.
    private async ValueTask WritePartAsync(
        ReadOnlyMemory<byte> part, long position, CancellationToken cancellationToken)
    {
        long cluster = position >> _clusterBits;
        SemaphoreSlim gate = _partLocks[cluster % PartLocks];
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        Memory<byte> whole = RentCluster();
        try
        {
            await ReadClusterAsync(cluster, whole, cancellationToken).ConfigureAwait(false);
            part.CopyTo(whole[(int)(position & (_options.ClusterSize - 1))..]);
            if (_options.Compression == Qcow2Compression.None)
            {
                await WriteClustersAsync(whole, cluster, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await PackClustersAsync(whole, cluster, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _clusters.Add(whole);
            gate.Release();
        }
    }

    private async ValueTask ReadClusterAsync(
        long cluster, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ClusterEntry entry = await _tables.EntryOfAsync(cluster, cancellationToken).ConfigureAwait(false);
        switch (entry.Kind(version: 3))
        {
            case ClusterKind.Data:
                await _file.ReadAsync(destination, entry.DataOffset, cancellationToken).ConfigureAwait(false);
                break;
            case ClusterKind.Compressed:
                byte[] packed = new byte[entry.PackedLength(_clusterBits)];
                await _file.ReadAsync(
                    packed, entry.PackedOffset(_clusterBits), cancellationToken).ConfigureAwait(false);
                using (var unpacker = new ClusterUnpacker(_options.Compression))
                {
                    unpacker.Unpack(packed, packed.Length, destination.Span);
                }

                break;
            case ClusterKind.Unallocated when _backing is not null:
                long start = cluster << _clusterBits;
                int inside = (int)Math.Clamp(_backing.Backend.Size - start, 0, destination.Length);
                await _backing.ReadAsync(destination[..inside], start, cancellationToken).ConfigureAwait(false);
                destination.Span[inside..].Clear();
                break;
            default:
                destination.Span.Clear();
                break;
        }
    }

    private Memory<byte> RentCluster() =>
        _clusters.TryTake(out Memory<byte> cluster) ? cluster : AlignedMemory.Allocate(_options.ClusterSize);
}
