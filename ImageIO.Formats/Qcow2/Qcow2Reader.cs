using System.Collections.Concurrent;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Formats.Qcow2;

/// <summary>The guest's view of a qcow2 image, read-only. Any offset and length; calls may run in parallel.</summary>
/// <remarks>
/// The file may come from an attacker: sizes, offsets and tables are checked before use, memory does not depend on
/// them, and unsupported features are refused by name. The other part is extents and bitmaps.
/// </remarks>
public sealed partial class Qcow2Reader : IBackend
{
    // The header and its extensions are in the first cluster. Names end within the first 64 KiB of what qemu writes.
    private const int HeaderBytes = 2 * 1024 * 1024;

    private readonly UnalignedAccess _file;
    private readonly UnalignedAccess? _backing;
    private readonly Qcow2Tables _tables;
    private readonly ConcurrentBag<UnpackBuffers> _unpack = [];

    private Qcow2Reader(UnalignedAccess file, Qcow2Header header, Qcow2Tables tables, IBackend? backing)
    {
        _file = file;
        _tables = tables;
        _backing = backing is null ? null : new UnalignedAccess(backing);
        Header = header;
        Capabilities = new BackendCapabilities { HasZeroExtents = true };
    }

    /// <summary>The image's header.</summary>
    public Qcow2Header Header { get; }

    /// <inheritdoc />
    public long Size => Header.VirtualSize;

    /// <inheritdoc />
    public int BlockSize => 1;

    /// <inheritdoc />
    public BackendCapabilities Capabilities { get; }

    /// <summary>Opens an image.</summary>
    /// <param name="file">The file. Closed with the image, and if this call fails.</param>
    /// <param name="openBacking">
    /// Opens the backing file in the header. Null: ranges in the backing file read as zeroes and are holes.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.ImageUnavailable"/>: damaged, or no qcow2 image.
    /// <see cref="TransferError.NotSupported"/>: encrypted, with an external data file, or another unsupported feature.
    /// </exception>
    public static async ValueTask<Qcow2Reader> OpenAsync(
        IBackend file,
        Func<Qcow2Header, CancellationToken, ValueTask<IBackend>>? openBacking,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        var access = new UnalignedAccess(file);
        IBackend? backing = null;
        try
        {
            long fileSize = file.Size;
            Qcow2Header header = await ReadHeaderAsync(access, fileSize, cancellationToken).ConfigureAwait(false);
            Qcow2Tables tables = await Qcow2Tables.LoadAsync(
                access, header, fileSize, cancellationToken).ConfigureAwait(false);
            if (openBacking is not null && header.BackingFile is not null)
            {
                backing = await openBacking(header, cancellationToken).ConfigureAwait(false);
            }

            return new Qcow2Reader(access, header, tables, backing);
        }
        catch
        {
            access.Dispose();
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Reads and checks only the header. The file stays open.</summary>
    public static async ValueTask<Qcow2Header> ReadHeaderAsync(IBackend file, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        using var access = new UnalignedAccess(file);
        return await ReadHeaderAsync(access, file.Size, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int inside = (int)Math.Clamp(Size - offset, 0, destination.Length);
        destination.Span[inside..].Clear();
        for (int done = 0; done < inside;)
        {
            long position = offset + done;
            ClusterRun run = await _tables.FindAsync(position, inside - done, cancellationToken).ConfigureAwait(false);
            Memory<byte> piece = destination.Slice(done, (int)run.Length);
            switch (run.Kind)
            {
                case ClusterKind.Data:
                    await _file.ReadAsync(piece, run.HostOffset, cancellationToken).ConfigureAwait(false);
                    break;
                case ClusterKind.Compressed:
                    await ReadPackedAsync(run, position, piece, cancellationToken).ConfigureAwait(false);
                    break;
                case ClusterKind.Unallocated when _backing is not null:
                    await ReadBackingAsync(piece, position, cancellationToken).ConfigureAwait(false);
                    break;
                default:
                    piece.Span.Clear();
                    break;
            }

            done += (int)run.Length;
        }
    }

    /// <inheritdoc />
    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("This image was opened for reading.");

    /// <inheritdoc />
    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("This image was opened for reading.");

    /// <inheritdoc />
    public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        foreach (UnpackBuffers buffers in _unpack)
        {
            buffers.Unpacker.Dispose();
        }

        _tables.Dispose();
        _file.Dispose();
        await _file.Backend.DisposeAsync().ConfigureAwait(false);
        if (_backing is not null)
        {
            _backing.Dispose();
            await _backing.Backend.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async ValueTask<Qcow2Header> ReadHeaderAsync(
        UnalignedAccess file, long fileSize, CancellationToken cancellationToken)
    {
        Memory<byte> start = AlignedMemory.Allocate((int)Math.Min(fileSize, 64 * 1024));
        await file.ReadAsync(start, 0, cancellationToken).ConfigureAwait(false);
        if (NeedsMore(start.Span) && fileSize > start.Length)
        {
            start = AlignedMemory.Allocate((int)Math.Min(fileSize, HeaderBytes));
            await file.ReadAsync(start, 0, cancellationToken).ConfigureAwait(false);
        }

        return Qcow2Header.Parse(start.Span, fileSize);
    }

    // A backing file's name may be anywhere in the first cluster.
    private static bool NeedsMore(ReadOnlySpan<byte> start) =>
        start.Length >= 24 && Qcow2Header.U64(start, 8) + Qcow2Header.U32(start, 16) > (ulong)start.Length;

    private async ValueTask ReadBackingAsync(Memory<byte> piece, long position, CancellationToken cancellationToken)
    {
        int inside = (int)Math.Clamp(_backing!.Backend.Size - position, 0, piece.Length);
        if (inside > 0)
        {
            await _backing.ReadAsync(piece[..inside], position, cancellationToken).ConfigureAwait(false);
        }

        piece.Span[inside..].Clear();
    }

    private async ValueTask ReadPackedAsync(
        ClusterRun run, long position, Memory<byte> piece, CancellationToken cancellationToken)
    {
        UnpackBuffers buffers = _unpack.TryTake(out UnpackBuffers? idle) ? idle : new UnpackBuffers(Header);
        try
        {
            byte[] packed = await buffers.PackedAsync(_file, run, cancellationToken).ConfigureAwait(false);
            if (piece.Length == Header.ClusterSize)
            {
                buffers.Unpacker.Unpack(packed, run.PackedLength, piece.Span);
                return;
            }

            buffers.Unpacker.Unpack(packed, run.PackedLength, buffers.Cluster);
            buffers.Cluster.AsSpan((int)(position & (Header.ClusterSize - 1)), piece.Length).CopyTo(piece.Span);
        }
        finally
        {
            _unpack.Add(buffers);
        }
    }
}
