using System.Collections.Concurrent;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;

namespace ImageIO.Formats;

/// <summary>Reads and writes of any offset, length and memory on a backend that wants whole blocks.</summary>
/// <remarks>
/// A block that is written in part is read, patched and written under a lock, so that two writers of one block both
/// succeed. The lock belongs to this object: write to a backend through one of them only.
/// </remarks>
/// <param name="backend">The backend below; not closed with this object.</param>
/// <param name="padsEnd">
/// Whether a growing file ends at a whole block. False: it ends where the last write ends, and nothing else may be
/// written at the same time behind a write that ends inside a block.
/// </param>
internal sealed class UnalignedAccess(IBackend backend, bool padsEnd = false) : IDisposable
{
    // Large enough that copying costs more than the extra calls.
    private const int ScratchSize = 1024 * 1024;

    // Idle scratch buffers. There are as many as calls have run at once.
    private readonly ConcurrentBag<Memory<byte>> _scratch = [];
    private readonly SemaphoreSlim _patch = new(1);

    /// <summary>The backend below.</summary>
    public IBackend Backend => backend;

    /// <summary>Fills <paramref name="destination"/>; bytes behind the end read as zeroes.</summary>
    public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken) =>
        IsDirect(destination.Span, offset)
            ? backend.ReadAsync(destination, offset, cancellationToken)
            : ReadThroughScratchAsync(destination, offset, cancellationToken);

    /// <summary>Writes all of <paramref name="source"/>.</summary>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken) =>
        IsDirect(source.Span, offset)
            ? backend.WriteAsync(source, offset, cancellationToken)
            : WriteThroughScratchAsync(source, offset, cancellationToken);

    /// <summary>
    /// Zeroes a range: whole blocks by the backend's means, where it has them, and the edges by writing.
    /// </summary>
    public async ValueTask ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        int block = backend.BlockSize;
        long end = offset + length;
        long first = Math.Min(Alignment.Up(offset, block), end);
        long last = end == backend.Size ? end : Math.Max(first, Alignment.Down(end, block));
        await WriteZeroesAsync(offset, first, cancellationToken).ConfigureAwait(false);
        if (last > first
            && !(backend.Capabilities.CanZero
                && await backend.ZeroAsync(first, last - first, mode, cancellationToken).ConfigureAwait(false)))
        {
            await WriteZeroesAsync(first, last, cancellationToken).ConfigureAwait(false);
        }

        await WriteZeroesAsync(last, end, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public void Dispose() => _patch.Dispose();

    private bool IsDirect(ReadOnlySpan<byte> memory, long offset)
    {
        int block = backend.BlockSize;
        return block == 1
            || (Alignment.IsAligned(
                offset, block) && Alignment.IsAligned(memory.Length, block) && AlignedMemory.IsAligned(memory));
    }

    private async ValueTask ReadThroughScratchAsync(
        Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        Memory<byte> scratch = Rent();
        try
        {
            for (int done = 0; done < destination.Length;)
            {
                long start = Alignment.Down(offset + done, backend.BlockSize);
                int skip = (int)(offset + done - start);
                int length = Math.Min(destination.Length - done, ScratchSize - skip);
                int whole = (int)Alignment.Up(skip + length, backend.BlockSize);
                await backend.ReadAsync(scratch[..whole], start, cancellationToken).ConfigureAwait(false);
                scratch.Slice(skip, length).CopyTo(destination[done..]);
                done += length;
            }
        }
        finally
        {
            _scratch.Add(scratch);
        }
    }

    private async ValueTask WriteThroughScratchAsync(
        ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        Memory<byte> scratch = Rent();
        try
        {
            for (int done = 0; done < source.Length;)
            {
                long position = offset + done;
                long start = Alignment.Down(position, backend.BlockSize);
                int skip = (int)(position - start);
                int length = Math.Min(source.Length - done, ScratchSize - skip);
                ReadOnlyMemory<byte> piece = source.Slice(done, length);
                if (skip > 0 || !Alignment.IsAligned(length, backend.BlockSize))
                {
                    await PatchAsync(piece, start, skip, scratch, cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    piece.CopyTo(scratch);
                    await backend.WriteAsync(scratch[..length], start, cancellationToken).ConfigureAwait(false);
                }

                done += length;
            }
        }
        finally
        {
            _scratch.Add(scratch);
        }
    }

    private async ValueTask PatchAsync(
        ReadOnlyMemory<byte> piece, long start, int skip, Memory<byte> scratch, CancellationToken cancellationToken)
    {
        await _patch.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            long end = start + skip + piece.Length;
            long size = backend.Size;
            long wholeEnd = Alignment.Up(end, backend.BlockSize);
            long writtenEnd = padsEnd ? wholeEnd : Math.Min(wholeEnd, Math.Max(size, end));
            Memory<byte> blocks = scratch[..(int)(wholeEnd - start)];
            await backend.ReadAsync(blocks, start, cancellationToken).ConfigureAwait(false);
            piece.CopyTo(blocks[skip..]);
            await backend.WriteAsync(
                blocks[..(int)(writtenEnd - start)], start, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _patch.Release();
        }
    }

    private async ValueTask WriteZeroesAsync(long offset, long end, CancellationToken cancellationToken)
    {
        if (offset >= end)
        {
            return;
        }

        Memory<byte> zeroes = AlignedMemory.Allocate((int)Math.Min(ScratchSize, end - offset));
        zeroes.Span.Clear();
        for (long position = offset; position < end;)
        {
            int length = (int)Math.Min(zeroes.Length, end - position);
            await WriteAsync(zeroes[..length], position, cancellationToken).ConfigureAwait(false);
            position += length;
        }
    }

    private Memory<byte> Rent() =>
        // Room for the part of a block before and behind.
        _scratch.TryTake(out Memory<byte> scratch) ? scratch : AlignedMemory.Allocate(ScratchSize + (2 * 65536));
}
