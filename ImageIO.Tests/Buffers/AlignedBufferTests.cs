using System.Buffers;
using ImageIO.Core.Buffers;

namespace ImageIO.Tests.Buffers;

public sealed class AlignedBufferTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(512)]
    [InlineData(65536)]
    public unsafe void Its_address_is_a_multiple_of_a_page(int length)
    {
        using AlignedBuffer buffer = AlignedBuffer.Allocate(length);
        using MemoryHandle handle = buffer.Pin();

        Assert.Equal(0, (nint)handle.Pointer % AlignedBuffer.AddressAlignment);
        Assert.Equal(length, buffer.Length);
        Assert.Equal(length, buffer.Memory.Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData((64 * 1024 * 1024) + 1)]
    public void A_buffer_outside_the_pools_has_at_most_64_MiB(int length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => AlignedBuffer.Allocate(length));

    [Fact]
    public void Disposing_it_twice_returns_it_once()
    {
        using var pool = new BufferPool(BufferPool.SmallBuffer * 8);
        Assert.True(pool.TryRent(new BufferShare(null), 1, out AlignedBuffer? buffer));

        ((IDisposable)buffer).Dispose();
        ((IDisposable)buffer).Dispose();

        Assert.Equal(0, pool.RentedBytes);
        Assert.Equal(BufferPool.SmallBuffer, pool.AllocatedBytes);
        Assert.True(pool.TryRent(new BufferShare(null), 1, out AlignedBuffer? first));
        Assert.True(pool.TryRent(new BufferShare(null), 1, out AlignedBuffer? second));
        Assert.NotSame(first, second);
        ((IDisposable)first).Dispose();
        ((IDisposable)second).Dispose();
    }

    [Fact]
    public void A_returned_buffer_shows_its_bytes_to_nobody()
    {
        using var pool = new BufferPool(BufferPool.SmallBuffer * 8);
        Assert.True(pool.TryRent(new BufferShare(null), 1, out AlignedBuffer? buffer));
        ((IDisposable)buffer).Dispose();

        Assert.Throws<ObjectDisposedException>(() => buffer.GetSpan().Length);
        Assert.Throws<ObjectDisposedException>(() => buffer.Pin());
    }
}
