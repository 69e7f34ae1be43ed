using System.Buffers.Binary;
using System.Text;
using Mono.Unix.Native;

namespace ImageIO.Tests.Support.Fuse;

/// <summary>
/// A request as it stands in /dev/fuse: the structures of linux/fuse.h, little-endian as all machines of ours are.
/// </summary>
internal readonly struct FuseRequest(ReadOnlyMemory<byte> bytes)
{
    private const int HeaderSize = 40;       // struct fuse_in_header
    private const int WriteHeaderSize = 40;  // struct fuse_write_in

    /// <summary>The handle of an open file. Our answers to open(2) say by it whether the file has direct I/O.</summary>
    public const ulong DirectHandle = 1;

    /// <summary>fuse_setattr_in.valid: the size changes.</summary>
    private const uint FATTR_SIZE = 1 << 3;

    public FuseOperation Operation => (FuseOperation)UInt32(4);

    /// <summary>The number that the answer must repeat.</summary>
    public ulong Unique => UInt64(8);

    /// <summary>The file or directory.</summary>
    public ulong Node => UInt64(16);

    /// <summary>For <see cref="FuseOperation.Lookup"/>: the name that is looked for.</summary>
    public string Name => Encoding.UTF8.GetString(bytes.Span[HeaderSize..].TrimEnd((byte)0));

    /// <summary>
    /// For <see cref="FuseOperation.Truncate"/>: false when times, owner or mode change and not the size.
    /// </summary>
    public bool ChangesSize => (UInt32(HeaderSize) & FATTR_SIZE) != 0;

    /// <summary>
    /// For <see cref="FuseOperation.Open"/>: whether with O_DIRECT, whose value differs by architecture.
    /// </summary>
    public bool OpensDirect =>
        (UInt32(HeaderSize) & (uint)NativeConvert.FromOpenFlags(OpenFlags.O_DIRECT)) != 0;

    /// <summary>For <see cref="FuseOperation.Write"/>: what is written.</summary>
    public ReadOnlySpan<byte> Data => bytes.Span[(HeaderSize + WriteHeaderSize)..];

    /// <summary>The call as rules and tests see it.</summary>
    public FuseCall Describe(string? file) => Operation switch
    {
        FuseOperation.Open => new(Operation, file, 0, 0, (int)UInt32(HeaderSize)) { IsDirect = OpensDirect },
        FuseOperation.Truncate => new(Operation, file, 0, (long)UInt64(HeaderSize + 16), 0),
        FuseOperation.Read or FuseOperation.Write =>
            new(Operation, file, (long)UInt64(HeaderSize + 8), UInt32(HeaderSize + 16), 0)
            {
                IsDirect = UInt64(HeaderSize) == DirectHandle,
            },
        FuseOperation.Allocate =>
            new(Operation, file, (long)UInt64(HeaderSize
                + 8), (long)UInt64(HeaderSize + 16), (int)UInt32(HeaderSize + 24)),
        FuseOperation.Seek => new(Operation, file, (long)UInt64(HeaderSize + 8), 0, (int)UInt32(HeaderSize + 16)),
        _ => new(Operation, file, 0, 0, 0),
    };

    private uint UInt32(int position) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[position..]);

    private ulong UInt64(int position) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[position..]);
}
