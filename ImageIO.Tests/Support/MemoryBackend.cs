using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Support;

/// <summary>
/// An image in memory that holds its callers strictly to the promises in the remarks of <see cref="IBackend"/>. Yields
/// in the middle of every call, so that callers who do not exclude each other are seen to collide.
/// </summary>
internal sealed class MemoryBackend(int blockSize) : IBackend
{
    private readonly Lock _lock = new();
    private readonly List<ByteRange> _changing = [];
    private byte[] _bytes = [];
    private ByteRange _cutting;
    private int _readers;
    private int _writers;

    public MemoryBackend(int blockSize, byte[] content)
        : this(blockSize) => _bytes = [.. content];

    public BackendCapabilities Capabilities { get; init; } =
        new() { CanWrite = true, CanZero = true, CanGrow = true };

    /// <summary>Whether zero calls are answered with "cannot", as storage does that refuses at run time.</summary>
    public bool RefusesZero { get; init; }

    public int BlockSize => blockSize;

    public int PreferredBlockSize { get => field > 0 ? field : blockSize; init; }

    public bool MayBlock { get; init; } = true;

    /// <summary>Where reads and writes began.</summary>
    public ConcurrentBag<long> Offsets { get; } = [];

    public bool IsDisposed { get; private set; }

    public int MostReaders { get; private set; }

    public int MostWriters { get; private set; }

    public long Size
    {
        get
        {
            lock (_lock)
            {
                return _bytes.Length;
            }
        }
    }

    public byte[] Content()
    {
        lock (_lock)
        {
            return [.. _bytes];
        }
    }

    public async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        Require(Alignment.IsAligned(offset, blockSize), $"read at {offset} is not aligned");
        Require(
            Alignment.IsAligned(destination.Length, blockSize), $"read of {destination.Length} bytes is not aligned");
        Require(destination.Length > 0, "read of nothing");
        Offsets.Add(offset);
        RequireAlignedAddress(destination);
        lock (_lock)
        {
            MostReaders = Math.Max(MostReaders, ++_readers);
            Require(_readers <= Capabilities.MaxReaders, "too many readers");
        }

        try
        {
            await Task.Yield();
            lock (_lock)
            {
                destination.Span.Clear();
                int start = (int)Math.Min(offset, _bytes.Length);
                _bytes.AsSpan(start, Math.Min(destination.Length, _bytes.Length - start)).CopyTo(destination.Span);
            }

            await Task.Yield();
        }
        finally
        {
            lock (_lock)
            {
                _readers--;
            }
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        RequireAlignedAddress(source);
        Offsets.Add(offset);
        await ChangeAsync(ByteRange.At(offset, source.Length), setsSize: false, target => source.Span.CopyTo(target));
    }

    public async ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        Require(Capabilities.CanZero, "zero is not offered");
        Require(length <= 128 * 1024 * 1024, $"zero of {length} bytes at once");
        if (!RefusesZero)
        {
            await ChangeAsync(ByteRange.At(offset, length), setsSize: true, target => target.Clear());
        }

        return !RefusesZero;
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        Require(Capabilities.CanWrite, "flush is not offered");
        await Task.Yield();
    }

    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        if (Size is > 0 and var size)
        {
            yield return new Extent(new ByteRange(0, size), ExtentFlags.None);
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            Require(_readers + _writers == 0, "closed while in use");
            IsDisposed = true;
        }

        return ValueTask.CompletedTask;
    }

    private async Task ChangeAsync(ByteRange range, bool setsSize, SpanAction change)
    {
        Begin(range, setsSize);
        try
        {
            await Task.Yield();
            lock (_lock)
            {
                if (range.End > _bytes.Length)
                {
                    Array.Resize(ref _bytes, (int)range.End);
                }

                change(_bytes.AsSpan((int)range.Start, (int)range.Length));
            }

            await Task.Yield();
        }
        finally
        {
            lock (_lock)
            {
                _writers--;
                _changing.Remove(range);
                _cutting = _cutting == range ? default : _cutting;
            }
        }
    }

    private void Begin(ByteRange range, bool setsSize)
    {
        lock (_lock)
        {
            Require(!IsDisposed, "called after it was closed");
            Require(Capabilities.CanWrite, "writing is not offered");
            Require(!range.IsEmpty, "change of nothing");
            Require(Alignment.IsAligned(range.Start, blockSize), $"change at {range.Start} is not aligned");
            bool isPartial = !Alignment.IsAligned(range.Length, blockSize);
            Require(!isPartial || range.End >= _bytes.Length, $"change of {range} is not aligned, inside the image");
            Require(Capabilities.CanGrow || range.End <= _bytes.Length, $"{range} passes a fixed size");

            // A partial last block, and a zero that grows, set the size, so no other call may run behind their start.
            Require(_cutting.IsEmpty
                || range.End <= _cutting.Start, $"{range} runs beside {_cutting}, which sets the size");
            if (isPartial || (setsSize && range.End > _bytes.Length))
            {
                Require(
                    _changing.TrueForAll(other => other.End <= range.Start), $"{range} sets the size beside others");
                _cutting = range;
            }

            _changing.Add(range);
            MostWriters = Math.Max(MostWriters, ++_writers);
            Require(_writers <= Capabilities.MaxWriters, "too many writers");
        }
    }

    private static unsafe void RequireAlignedAddress(ReadOnlyMemory<byte> memory)
    {
        using System.Buffers.MemoryHandle handle = memory.Pin();
        Require((nint)handle.Pointer % AlignedBuffer.AddressAlignment == 0, "the buffer is not aligned in memory");
    }

    private static void Require(bool kept, string what)
    {
        if (!kept)
        {
            throw new InvalidOperationException($"A promise of IBackend was broken: {what}.");
        }
    }

    private delegate void SpanAction(Span<byte> span);
}
