using System.Collections.Concurrent;
using System.Numerics;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Formats.Qcow2;

/// <summary>Writes a new qcow2 image. Any offset and length; calls may run in parallel.</summary>
/// <remarks>
/// Clusters are placed in the order of writing. Tables stay in memory (8 bytes per cluster) until
/// <see cref="CompleteAsync"/>,
/// which writes the header last. Before that the file is no qcow2 image, so a crash never leaves one that looks
/// complete. The
/// other part is the tables.
/// </remarks>
public sealed partial class Qcow2Writer : IBackend
{
    private const int PartLocks = 64;

    private readonly UnalignedAccess _file;
    private readonly Qcow2WriterOptions _options;
    private readonly UnalignedAccess? _backing;
    private readonly int _clusterBits;
    private readonly SemaphoreSlim[] _partLocks = [.. Enumerable.Range(0, PartLocks).Select(_ => new SemaphoreSlim(1))];
    private readonly ConcurrentBag<ClusterPacker> _packers = [];
    private readonly ConcurrentBag<Memory<byte>> _clusters = [];

    private Qcow2Writer(UnalignedAccess file, Qcow2WriterOptions options)
    {
        _file = file;
        _options = options;
        _clusterBits = BitOperations.Log2((uint)options.ClusterSize);
        _backing = options.Backing is null ? null : new UnalignedAccess(options.Backing);
        _l2 = new ulong[]?[Qcow2Layout.DivideUp(Qcow2Layout.DivideUp(options.VirtualSize, options.ClusterSize), options.ClusterSize / 8)];
        // After the header's cluster.
        _next = options.ClusterSize;
        Capabilities = new BackendCapabilities { CanWrite = true, CanZero = true, HasZeroExtents = true };
    }

    /// <inheritdoc />
    public long Size => _options.VirtualSize;

    /// <inheritdoc />
    public int BlockSize => 1;

    /// <inheritdoc />
    public BackendCapabilities Capabilities { get; }

    /// <summary>Creates an image.</summary>
    /// <param name="file">An empty file, or a device. Closed with the image, and if this call fails.</param>
    /// <param name="options">The image's properties.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public static async ValueTask<Qcow2Writer> CreateAsync(
        IBackend file, Qcow2WriterOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.VirtualSize, nameof(options));
        if (!BitOperations.IsPow2(options.ClusterSize) || options.ClusterSize is < 512 or > 2 * 1024 * 1024)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), options.ClusterSize, "Clusters must have a power of two of bytes, from 512 to 2 MiB.");
        }

        // qemu sees whole sectors of 512 bytes only, and would cut off the rest.
        options = options with { VirtualSize = Alignment.Up(options.VirtualSize, 512) };
        // A file that ends inside a block would have to be truncated while other writes extend it.
        var access = new UnalignedAccess(file, padsEnd: true);
        try
        {
            long l2Tables = Qcow2Layout.DivideUp(
                Qcow2Layout.DivideUp(options.VirtualSize, options.ClusterSize), options.ClusterSize / 8);
            if (l2Tables > Qcow2Header.LargestL1Table / 8)
            {
                throw new TransferException(
                    TransferError.InvalidRequest,
                    $"qcow2: {options.VirtualSize} bytes do not fit into an image with clusters of {options.ClusterSize} bytes");
            }

            // A device may hold an old image, whose header must not describe the new data.
            Memory<byte> nothing = AlignedMemory.Allocate(options.ClusterSize);
            nothing.Span.Clear();
            await access.WriteAsync(nothing, 0, cancellationToken).ConfigureAwait(false);
            return new Qcow2Writer(access, options);
        }
        catch
        {
            access.Dispose();
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Reads what was written so far. Other ranges come from the backing file, or are zeroes.</summary>
    public async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        Memory<byte> cluster = RentCluster();
        try
        {
            for (int done = 0; done < destination.Length;)
            {
                long position = offset + done;
                int inCluster = (int)(position & (_options.ClusterSize - 1));
                int length = Math.Min(destination.Length - done, _options.ClusterSize - inCluster);
                if (position < Size)
                {
                    await ReadClusterAsync(position >> _clusterBits, cluster, cancellationToken).ConfigureAwait(false);
                    cluster.Slice(inCluster, length).CopyTo(destination[done..]);
                }
                else
                {
                    destination.Span.Slice(done, length).Clear();
                }

                done += length;
            }
        }
        finally
        {
            _clusters.Add(cluster);
        }
    }

    /// <inheritdoc />
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        CheckRange(offset, source.Length);
        for (int done = 0; done < source.Length;)
        {
            long position = offset + done;
            int inCluster = (int)(position & (_options.ClusterSize - 1));
            int whole = inCluster == 0 ? (source.Length - done) & -_options.ClusterSize : 0;
            int length = whole > 0 ? whole : Math.Min(source.Length - done, _options.ClusterSize - inCluster);
            ReadOnlyMemory<byte> piece = source.Slice(done, length);
            if (whole == 0)
            {
                await WritePartAsync(piece, position, cancellationToken).ConfigureAwait(false);
            }
            else if (_options.Compression == Qcow2Compression.None)
            {
                await WriteClustersAsync(piece, position >> _clusterBits, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await PackClustersAsync(piece, position >> _clusterBits, cancellationToken).ConfigureAwait(false);
            }

            done += length;
        }
    }

    /// <inheritdoc />
    public async ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        CheckRange(offset, length);
        long end = offset + length;
        for (long position = offset; position < end;)
        {
            long cluster = position >> _clusterBits;
            long clusterEnd = Math.Min((cluster + 1) << _clusterBits, Size);
            if (position == cluster << _clusterBits && end >= clusterEnd)
            {
                MarkZero(cluster);
            }
            else
            {
                clusterEnd = Math.Min(clusterEnd, end);
                Memory<byte> zeroes = RentCluster();
                try
                {
                    zeroes.Span.Clear();
                    await WritePartAsync(zeroes[..(int)(clusterEnd - position)], position, cancellationToken).ConfigureAwait(false);
                }
                finally
                {
                    _clusters.Add(zeroes);
                }
            }

            position = clusterEnd;
        }

        return true;
    }

    /// <summary>Makes the data durable. The image is complete only after <see cref="CompleteAsync"/>.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => _file.Backend.FlushAsync(cancellationToken);

    /// <summary>Not supported: the writer of an image knows its content.</summary>
    public IAsyncEnumerable<Extent> GetExtentsAsync(ExtentContext context, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("This image is being written.");

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        foreach (ClusterPacker packer in _packers)
        {
            packer.Dispose();
        }

        foreach (SemaphoreSlim part in _partLocks)
        {
            part.Dispose();
        }

        _backing?.Dispose();
        _file.Dispose();
        await _file.Backend.DisposeAsync().ConfigureAwait(false);
    }

    private void CheckRange(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Size || length > Size - offset)
        {
            throw new TransferException(
                TransferError.RangeNotSatisfiable, $"qcow2: {length} bytes at {offset} are outside of the image of {Size} bytes");
        }
    }

    // Runs of whole clusters without a place get one together, and are written at once.
    private async ValueTask WriteClustersAsync(ReadOnlyMemory<byte> source, long cluster, CancellationToken cancellationToken)
    {
        while (!source.IsEmpty)
        {
            (long host, int clusters, bool isNew) = Place(cluster, source.Length >> _clusterBits);
            int length = clusters << _clusterBits;
            await _file.WriteAsync(source[..length], host, cancellationToken).ConfigureAwait(false);
            if (isNew)
            {
                // After the write, so that a failed write leaves the cluster as it was.
                SetData(cluster, clusters, host);
            }

            source = source[length..];
            cluster += clusters;
        }
    }

    private async ValueTask PackClustersAsync(ReadOnlyMemory<byte> source, long cluster, CancellationToken cancellationToken)
    {
        ClusterPacker packer = _packers.TryTake(out ClusterPacker? idle) ? idle : new ClusterPacker(_options.Compression);
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

                long host = PlacePacked(length);
                await _file.WriteAsync(packed[..length], host, cancellationToken).ConfigureAwait(false);
                SetPacked(cluster, host, length);
            }
        }
        finally
        {
            _packers.Add(packer);
            _clusters.Add(packed);
        }
    }

    // A part of a cluster. Always writes whole clusters, because a new cluster on a device contains old bytes.
    private async ValueTask WritePartAsync(ReadOnlyMemory<byte> part, long position, CancellationToken cancellationToken)
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

    private async ValueTask ReadClusterAsync(long cluster, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ClusterEntry entry = EntryOf(cluster);
        switch (entry.Kind(version: 3))
        {
            case ClusterKind.Data:
                await _file.ReadAsync(destination, entry.DataOffset, cancellationToken).ConfigureAwait(false);
                break;
            case ClusterKind.Compressed:
                byte[] packed = new byte[entry.PackedLength(_clusterBits)];
                await _file.ReadAsync(packed, entry.PackedOffset(_clusterBits), cancellationToken).ConfigureAwait(false);
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
