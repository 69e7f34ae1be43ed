using System.Buffers;
using System.Runtime.InteropServices;

namespace ImageIO.Core.Buffers;

/// <summary>Native memory, aligned for direct I/O on every supported device. Disposal returns it to its pool.</summary>
public sealed unsafe class AlignedBuffer : MemoryManager<byte>
{
    /// <summary>Alignment of the address in bytes: a page, which is a multiple of every sector size in use.</summary>
    public const int AddressAlignment = 4096;

    // Null: it has no pool, and is freed when disposed.
    private readonly BufferPool? _pool;
    private byte* _address;

    // The share that has rented it. Null: it is not rented, or small.
    private BufferShare? _share;

    // 1 while an operation holds it. Returned twice, the same bytes would go to two operations.
    private int _rented;

    internal AlignedBuffer(BufferPool? pool, int length)
    {
        _pool = pool;
        Length = length;
        _address = (byte*)NativeMemory.AlignedAlloc((nuint)length, AddressAlignment);
    }

    /// <summary>Size in bytes.</summary>
    public int Length { get; }

    /// <summary>
    /// A buffer outside any pool, freed when disposed: for blocks that live as long as one storage call, and for tests
    /// of backends.
    /// </summary>
    /// <param name="length">Bytes, 1 to 64 MiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is out of range.</exception>
    public static AlignedBuffer Allocate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, 64 * 1024 * 1024);
        var buffer = new AlignedBuffer(null, length);
        buffer.MarkRented(share: null);
        return buffer;
    }

    /// <inheritdoc />
    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_rented == 0, this);
        return new Span<byte>(_address, Length);
    }

    /// <inheritdoc />
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ObjectDisposedException.ThrowIf(_rented == 0, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)Length);
        return new MemoryHandle(_address + elementIndex, default, this);
    }

    /// <inheritdoc />
    public override void Unpin()
    {
        // Native memory does not move.
    }

    /// <summary>Whether it belongs to the shared pool and is not small.</summary>
    internal bool IsPooled => _share is not null;

    internal void MarkRented(BufferShare? share)
    {
        _share = share;
        _rented = 1;
    }

    internal void Free()
    {
        NativeMemory.AlignedFree(_address);
        _address = null;
    }

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        if (Interlocked.Exchange(ref _rented, 0) == 1)
        {
            if (_pool is null)
            {
                Free();
            }
            else
            {
                _pool.Return(this, _share);
            }
        }
    }
}
