using System.Buffers.Binary;

namespace ImageIO.Tests.Support.Fuse;

/// <summary>Bodies of answers: the structures of linux/fuse.h.</summary>
internal static class FuseAnswers
{
    /// <summary>Most bytes that the kernel sends in one write.</summary>
    public const int MaxWrite = 1024 * 1024;

    /// <summary>Most pages of one request; a page is 4 KiB here.</summary>
    private const ushort MaxPages = MaxWrite / 4096;

    // FUSE_ASYNC_READ, FUSE_BIG_WRITES, FUSE_PARALLEL_DIROPS, FUSE_MAX_PAGES
    private const uint Flags = 1 | (1 << 5) | (1 << 18) | (1 << 22);

    // FOPEN_DIRECT_IO, so that the kernel keeps nothing and every call arrives, and FOPEN_PARALLEL_DIRECT_WRITES.
    private const uint OpenFlags = 1 | (1 << 6);

    private const uint Directory = 0x4000 | 0x1ed; // S_IFDIR, 0755
    private const uint RegularFile = 0x8000 | 0x1b6; // S_IFREG, 0666

    /// <summary>fuse_init_out, version 7.31.</summary>
    public static byte[] Init() => new Builder(64)
        .UInt32(7).UInt32(31).UInt32(0).UInt32(Flags)
        .UInt16(4096).UInt16(4096) // requests that may wait at once before the kernel holds further ones back
        .UInt32(MaxWrite).UInt32(1).UInt16(MaxPages).Bytes;

    /// <summary>fuse_attr_out, which is not to be cached.</summary>
    public static byte[] Attributes(ulong node, FuseFile? file) => Attributes(new Builder(104).Skip(16), node, file);

    /// <summary>fuse_entry_out, which is not to be cached.</summary>
    public static byte[] Entry(ulong node, FuseFile file) =>
        Attributes(new Builder(128).UInt64(node).Skip(32), node, file);

    /// <summary>fuse_open_out.</summary>
    public static byte[] Opened(ulong handle) => new Builder(16).UInt64(handle).UInt32(OpenFlags).Bytes;

    /// <summary>fuse_write_out.</summary>
    public static byte[] Written(int count) => new Builder(8).UInt32((uint)count).Bytes;

    /// <summary>fuse_lseek_out.</summary>
    public static byte[] Found(long offset) => new Builder(8).UInt64((ulong)offset).Bytes;

    /// <summary>fuse_statfs_out: much space.</summary>
    public static byte[] FileSystem() => new Builder(80)
        .UInt64(1 << 20)
        .UInt64(1 << 19).UInt64(1 << 19).UInt64(1000).UInt64(1000).UInt32(4096).UInt32(255).UInt32(4096).Bytes;

    private static byte[] Attributes(Builder builder, ulong node, FuseFile? file)
    {
        ulong size = (ulong)(file?.Size ?? 0);
        return builder
            .UInt64(node).UInt64(size).UInt64((size + 511) / 512)
            .Skip(36) // times
            .UInt32(file is null ? Directory : RegularFile)
            .UInt32(1) // links
            .Skip(12) // owner, group, device
            .UInt32(4096).Bytes;
    }

    private sealed class Builder(int size)
    {
        private int _position;

        public byte[] Bytes { get; } = new byte[size];

        public Builder Skip(int count)
        {
            _position += count;
            return this;
        }

        public Builder UInt16(ushort value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(Bytes.AsSpan(_position), value);
            return Skip(sizeof(ushort));
        }

        public Builder UInt32(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(Bytes.AsSpan(_position), value);
            return Skip(sizeof(uint));
        }

        public Builder UInt64(ulong value)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(Bytes.AsSpan(_position), value);
            return Skip(sizeof(ulong));
        }
    }
}
