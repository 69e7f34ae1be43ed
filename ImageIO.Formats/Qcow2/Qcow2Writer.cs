using System.Collections.Concurrent;
using System.Numerics;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Formats.Qcow2;

/// <summary>Writes a new qcow2 image. Any offset and length; calls may run in parallel.</summary>
/// <remarks>
/// Clusters are appended in the order of writing, with tables between them. <see cref="CompleteAsync"/> writes the
/// header last. Until then the file is no qcow2 image, so a crash cannot leave one that looks complete;
/// <see cref="ContinueAsync"/> resumes it from the last flush. The other part has the clusters.
/// </remarks>
public sealed partial class Qcow2Writer : IBackend
{
    private const int PartLocks = 64;

    private readonly UnalignedAccess _file;
    private readonly Qcow2WriterOptions _options;
    private readonly UnalignedAccess? _backing;
    private readonly int _clusterBits;
    private readonly Qcow2WriterTables _tables;
    private readonly SemaphoreSlim[] _partLocks = [.. Enumerable.Range(0, PartLocks).Select(_ => new SemaphoreSlim(1))];
    private readonly ConcurrentBag<ClusterPacker> _packers = [];
    private readonly ConcurrentBag<Memory<byte>> _clusters = [];

    private Qcow2Writer(UnalignedAccess file, Qcow2WriterOptions options)
    {
        _file = file;
        _options = options;
        _clusterBits = BitOperations.Log2((uint)options.ClusterSize);
        _backing = options.Backing is null ? null : new UnalignedAccess(options.Backing);
        _tables = new Qcow2WriterTables(file, options, _clusterBits);
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
    public static ValueTask<Qcow2Writer> CreateAsync(
        IBackend file, Qcow2WriterOptions options, CancellationToken cancellationToken) =>
        OpenAsync(file, options, (writer, token) => writer.BeginAsync(token), cancellationToken);

    /// <summary>Goes on with an image that was begun and not completed: what was flushed is there.</summary>
    /// <param name="file">The file or device; it is closed with the image, also when this call fails.</param>
    /// <param name="options">As the image was begun.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: the file is no such
    /// image.</exception>
    public static ValueTask<Qcow2Writer> ContinueAsync(
        IBackend file, Qcow2WriterOptions options, CancellationToken cancellationToken) =>
        OpenAsync(file, options, (writer, token) => writer.LoadAsync(token), cancellationToken);

    /// <summary>Writes the header and makes everything durable: now the image is whole.</summary>
    /// <param name="cancellationToken">Ends the call; the image is not whole then.</param>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        (long refcounts, long refcountClusters) =
            await new Qcow2RefcountWriter(
                _file, _tables, _clusterBits).WriteAsync(cancellationToken).ConfigureAwait(false);
        await _tables.FlushAsync(cancellationToken).ConfigureAwait(false);
        Memory<byte> cluster = AlignedMemory.Allocate(_options.ClusterSize);
        cluster.Span.Clear();
        new Qcow2HeaderWriter(cluster.Span).Write(
            _options, _clusterBits, _tables.L1Offset, _tables.L1Entries, refcounts, (uint)refcountClusters);
        await _file.WriteAsync(cluster, 0, cancellationToken).ConfigureAwait(false);
        await _file.Backend.FlushAsync(cancellationToken).ConfigureAwait(false);
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
        long first = Math.Min(end, Alignment.Up(offset, _options.ClusterSize));
        long last = end == Size ? end : Math.Max(first, Alignment.Down(end, _options.ClusterSize));
        await WriteZeroesAsync(offset, first, cancellationToken).ConfigureAwait(false);
        await _tables.SetZeroAsync(
            first >> _clusterBits, Qcow2Layout.DivideUp(
                last - first, _options.ClusterSize), _options.BackingFile is not null, cancellationToken)
            .ConfigureAwait(false);
        await WriteZeroesAsync(last, end, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>
    /// Makes durable what was written, and that it can be found again. The image is whole only after <see
    /// cref="CompleteAsync"/>.
    /// </summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => _tables.FlushAsync(cancellationToken);

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
        _tables.Dispose();
        _file.Dispose();
        await _file.Backend.DisposeAsync().ConfigureAwait(false);
    }

    private static async ValueTask<Qcow2Writer> OpenAsync(
        IBackend file,
        Qcow2WriterOptions options,
        Func<Qcow2Writer, CancellationToken, ValueTask> begin,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.VirtualSize, nameof(options));
        if (!BitOperations.IsPow2(options.ClusterSize) || options.ClusterSize is < 512 or > 2 * 1024 * 1024)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), options.ClusterSize, "Clusters must have a power of two of bytes, from 512 to 2 MiB.");
        }

        // qemu uses whole sectors of 512 bytes only, and would cut off the last part.
        options = options with { VirtualSize = Alignment.Up(options.VirtualSize, 512) };
        if (Qcow2Layout.L2Tables(options.VirtualSize, options.ClusterSize) > Qcow2Header.LargestL1Table / 8)
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw new TransferException(
                TransferError.InvalidRequest,
                $"qcow2: {options.VirtualSize} bytes are too many for clusters of {options.ClusterSize} bytes");
        }

        // A file that ends inside a block would have to be cut, beside writes that make it longer.
        var writer = new Qcow2Writer(new UnalignedAccess(file, padsEnd: true), options);
        try
        {
            await begin(writer, cancellationToken).ConfigureAwait(false);
            return writer;
        }
        catch
        {
            await writer.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    // A device may hold an old image, whose header and tables must not describe what is written from now on.
    private async ValueTask BeginAsync(CancellationToken cancellationToken)
    {
        Memory<byte> cluster = AlignedMemory.Allocate(_options.ClusterSize);
        cluster.Span.Clear();
        Qcow2HeaderWriter.Unfinished(_options, _clusterBits).CopyTo(cluster.Span);
        await _file.WriteAsync(cluster, 0, cancellationToken).ConfigureAwait(false);
        await _tables.WriteTableAsync(
            new ulong[_tables.L1Entries], _tables.L1Offset, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask LoadAsync(CancellationToken cancellationToken)
    {
        byte[] expected = Qcow2HeaderWriter.Unfinished(_options, _clusterBits);
        byte[] start = new byte[expected.Length];
        await _file.ReadAsync(start, 0, cancellationToken).ConfigureAwait(false);
        if (!start.AsSpan().SequenceEqual(expected))
        {
            throw FormatError.Corrupt("qcow2: this is no image that was begun here with the same size and options");
        }

        await _tables.LoadAsync(cancellationToken).ConfigureAwait(false);
    }

    private void CheckRange(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Size || length > Size - offset)
        {
            throw new TransferException(
                TransferError.RangeNotSatisfiable,
                $"qcow2: {length} bytes at {offset} are outside of the image of {Size} bytes");
        }
    }
}
