using System.Collections.Concurrent;

namespace ImageIO.Backends.Memory;

/// <summary>State that all handles on one disk share. A missing chunk reads as zeroes.</summary>
internal sealed class MemoryDisk
{
    private long _size;

    public ConcurrentDictionary<long, byte[]> Chunks { get; } = new();

    public long Size => Interlocked.Read(ref _size);

    public void GrowTo(long size)
    {
        long seen = Size;
        while (size > seen && Interlocked.CompareExchange(ref _size, size, seen) is var now && now != seen)
        {
            seen = now;
        }
    }
}
