using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace ImageIO.Formats.Qcow2;

/// <summary>The checked header of a qcow2 image.</summary>
/// <remarks>Format: docs/interop/qcow2.txt of qemu. Numbers are big-endian.</remarks>
public sealed record Qcow2Header
{
    /// <summary>Bytes of the fixed part, in version 3.</summary>
    internal const int LengthOfVersion3 = 104;

    /// <summary>
    /// Most bytes of an L1 table, as in qemu: 2 EiB with the largest clusters, 128 TiB with the usual ones.
    /// </summary>
    internal const int LargestL1Table = 32 * 1024 * 1024;

    internal const uint Magic = 0x514649fb; // QFI\xfb
    internal const uint BackingFormatExtension = 0xe2792aca;
    internal const uint BitmapsExtension = 0x23852875;

    private const int LengthOfVersion2 = 72;
    private const int LongestBackingName = 1023;
    private const int SmallestClusterBits = 9;
    private const int LargestClusterBits = 21;
    private const ulong DirtyBit = 1, CorruptBit = 2, ExternalDataBit = 4, CompressionBit = 8, ExtendedL2Bit = 16;

    /// <summary>2 or 3.</summary>
    public required int Version { get; init; }

    /// <summary>Bytes of a cluster, a power of two from 512 to 2 MiB.</summary>
    public required int ClusterSize { get; init; }

    /// <summary>Bytes of the guest's disk.</summary>
    public required long VirtualSize { get; init; }

    /// <summary>Compression of clusters; <see cref="Qcow2Compression.Zlib"/> if the header does not tell.</summary>
    public required Qcow2Compression Compression { get; init; }

    /// <summary>Name of the backing file, as in the header. Null: none.</summary>
    public string? BackingFile { get; init; }

    /// <summary>Format of the backing file, like <c>raw</c>. Null: unknown.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Whether the image is marked as damaged. qemu refuses to write it; it can be read.</summary>
    public bool IsMarkedCorrupt { get; init; }

    /// <summary>Whether reference counts may be wrong, as after a crash with lazy ones. Reading does not need
    /// them.</summary>
    public bool IsDirty { get; init; }

    internal long L1Offset { get; init; }

    internal int L1Entries { get; init; }

    internal long RefcountTableOffset { get; init; }

    internal long RefcountTableBytes { get; init; }

    internal int BitmapCount { get; init; }

    internal long BitmapDirectoryOffset { get; init; }

    internal long BitmapDirectoryBytes { get; init; }

    internal int ClusterBits => BitOperations.Log2((uint)ClusterSize);

    /// <summary>Whether the bytes start like a qcow2 image.</summary>
    public static bool IsQcow2(ReadOnlySpan<byte> start) =>
        start.Length >= 8 && BinaryPrimitives.ReadUInt32BigEndian(start) == Magic
            && BinaryPrimitives.ReadUInt32BigEndian(start[4..]) >= 2;

    /// <summary>Parses a header.</summary>
    /// <param name="start">The file's first cluster, or all of a shorter file; 64 KiB suffice.</param>
    /// <param name="fileSize">Bytes of the file.</param>
    /// <exception cref="Core.Errors.TransferException">The header is malformed, or needs an unsupported
    /// feature.</exception>
    internal static Qcow2Header Parse(ReadOnlySpan<byte> start, long fileSize)
    {
        if (!IsQcow2(start) || start.Length < LengthOfVersion2)
        {
            throw FormatError.Corrupt("This is no qcow2 image: its first bytes are not those of one");
        }

        uint version = U32(start, 4);
        if (version is not (2 or 3))
        {
            throw FormatError.Unsupported($"qcow2 version {version} is not known, only 2 and 3");
        }

        uint clusterBits = U32(start, 20);
        if (clusterBits is < SmallestClusterBits or > LargestClusterBits)
        {
            throw FormatError.Corrupt($"qcow2: clusters of 2^{clusterBits} bytes, allowed are 2^{SmallestClusterBits} "
                + $"to 2^{LargestClusterBits}");
        }

        int clusterSize = 1 << (int)clusterBits;
        int length = HeaderLength(start, version, clusterSize);
        ulong incompatible = version == 3 ? U64(start, 72) : 0;
        RefuseFeatures(incompatible, U32(start, 32));
        Qcow2Compression compression = CompressionOf(start, length, incompatible);
        var header = new Qcow2Header
        {
            Version = (int)version,
            ClusterSize = clusterSize,
            VirtualSize = Positive(U64(start, 24), "virtual size"),
            Compression = compression,
            L1Entries = L1EntriesOf(U32(start, 36)),
            L1Offset = Positive(U64(start, 40), "offset of the L1 table"),
            RefcountTableOffset = Positive(U64(start, 48), "offset of the refcount table"),
            RefcountTableBytes = (long)U32(start, 56) * clusterSize,
            BackingFile = BackingName(start, U64(start, 8), U32(start, 16), clusterSize),
            IsDirty = (incompatible & DirtyBit) != 0,
            IsMarkedCorrupt = (incompatible & CorruptBit) != 0,
        };
        header.CheckTables(fileSize);
        return Extensions.Read(start, length, header, fileSize);
    }

    internal static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32BigEndian(
        bytes[offset..]);

    internal static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64BigEndian(
        bytes[offset..]);

    private static int HeaderLength(ReadOnlySpan<byte> start, uint version, int clusterSize)
    {
        if (version == 2)
        {
            return LengthOfVersion2;
        }

        uint length = start.Length < LengthOfVersion3 ? 0 : U32(start, 100);
        return length >= LengthOfVersion3 && length <= clusterSize && length <= start.Length
            ? (int)length
            : throw FormatError.Corrupt($"qcow2: a header of {length} bytes");
    }

    private static void RefuseFeatures(ulong incompatible, uint encryption)
    {
        if (encryption != 0)
        {
            string method = encryption switch { 1 => "AES", 2 => "LUKS", _ => $"method {encryption}" };
            throw FormatError.Unsupported(
                $"qcow2: the image is encrypted ({method}); decrypt it with qemu-img convert first");
        }

        if ((incompatible & ExternalDataBit) != 0)
        {
            throw FormatError.Unsupported(
                "qcow2: the guest's data is in an external data file; convert it with qemu-img first");
        }

        if ((incompatible & ExtendedL2Bit) != 0)
        {
            throw FormatError.Unsupported(
                "qcow2: extended L2 entries (subclusters) are not read here; convert it with qemu-img first");
        }

        ulong unknown = incompatible & ~(DirtyBit | CorruptBit | CompressionBit);
        if (unknown != 0)
        {
            throw FormatError.Unsupported(
                $"qcow2: unknown incompatible feature, bit {BitOperations.TrailingZeroCount(unknown)}");
        }
    }

    private static Qcow2Compression CompressionOf(ReadOnlySpan<byte> start, int length, ulong incompatible)
    {
        byte type = length > LengthOfVersion3 ? start[LengthOfVersion3] : (byte)0;
        if ((type != 0) != ((incompatible & CompressionBit) != 0))
        {
            throw FormatError.Corrupt($"qcow2: compression type {type} does not go with the incompatible features");
        }

        return type switch
        {
            0 => Qcow2Compression.Zlib,
            1 => Qcow2Compression.Zstd,
            _ => throw FormatError.Unsupported($"qcow2: compression type {type} is not known"),
        };
    }

    private static int L1EntriesOf(uint entries) => entries <= LargestL1Table / 8
        ? (int)entries
        : throw FormatError.Corrupt(
            $"qcow2: an L1 table of {entries} entries, at most {LargestL1Table / 8} are allowed");

    private static string? BackingName(ReadOnlySpan<byte> start, ulong offset, uint length, int clusterSize)
    {
        if (offset == 0)
        {
            return null;
        }

        if (length is 0 or > LongestBackingName || offset + length > (ulong)Math.Min(clusterSize, start.Length))
        {
            throw FormatError.Corrupt($"qcow2: a backing file's name of {length} bytes at {offset}");
        }

        return Encoding.UTF8.GetString(start.Slice((int)offset, (int)length));
    }

    private static long Positive(ulong value, string what) => value <= long.MaxValue
        ? (long)value
        : throw FormatError.Corrupt($"qcow2: {what} is {value}");

    // Every guest cluster has an L1 entry. The tables are inside the file, and overlap neither each other nor the
    // header.
    private void CheckTables(long fileSize)
    {
        long perL2 = (long)ClusterSize * (ClusterSize / 8);
        long needed = (VirtualSize / perL2) + (VirtualSize % perL2 == 0 ? 0 : 1);
        if (needed > L1Entries)
        {
            throw FormatError.Corrupt(
                $"qcow2: {L1Entries} L1 entries are too few for {VirtualSize} bytes, {needed} are needed");
        }

        CheckTable("L1 table", L1Offset, L1Entries * 8L, fileSize);
        CheckTable("refcount table", RefcountTableOffset, RefcountTableBytes, fileSize);
        if (L1Entries > 0 && L1Offset < RefcountTableOffset + RefcountTableBytes
            && RefcountTableOffset < L1Offset + (L1Entries * 8L))
        {
            throw FormatError.Corrupt("qcow2: L1 table and refcount table overlap");
        }
    }

    private void CheckTable(string what, long offset, long length, long fileSize)
    {
        bool isEmpty = length == 0;
        if (!isEmpty
            && (offset < ClusterSize || offset % ClusterSize != 0 || offset > fileSize || length > fileSize - offset))
        {
            throw FormatError.Corrupt(
                $"qcow2: the {what} of {length} bytes at {offset} is not in the file of {fileSize} bytes");
        }
    }

    /// <summary>The header's extensions: a sequence of type, length and data.</summary>
    private static class Extensions
    {
        private const int BitmapsLength = 24;

        public static Qcow2Header Read(ReadOnlySpan<byte> start, int headerLength, Qcow2Header header, long fileSize)
        {
            int end = Math.Min(start.Length, header.ClusterSize);
            if (header.BackingFile is not null)
            {
                end = (int)Math.Min((ulong)end, U64(start, 8));
            }

            for (int position = headerLength; position + 8 <= end;)
            {
                uint type = U32(start, position);
                uint length = U32(start, position + 4);
                if (type == 0)
                {
                    break;
                }

                if (length > end - position - 8)
                {
                    throw FormatError.Corrupt($"qcow2: header extension 0x{type:x} of {length} bytes does not fit");
                }

                ReadOnlySpan<byte> data = start.Slice(position + 8, (int)length);
                header = type switch
                {
                    BackingFormatExtension => header with { BackingFormat = Encoding.UTF8.GetString(data) },
                    BitmapsExtension when length >= BitmapsLength => WithBitmaps(header, data, fileSize),
                    _ => header,
                };
                position += 8 + (int)((length + 7) & ~7u);
            }

            return header;
        }

        private static Qcow2Header WithBitmaps(Qcow2Header header, ReadOnlySpan<byte> data, long fileSize)
        {
            long bytes = Positive(U64(data, 8), "size of the bitmap directory");
            long offset = Positive(U64(data, 16), "offset of the bitmap directory");
            header.CheckTable("bitmap directory", offset, bytes, fileSize);
            return header with
            {
                BitmapCount = (int)Math.Min(U32(data, 0), ushort.MaxValue),
                BitmapDirectoryBytes = bytes,
                BitmapDirectoryOffset = offset,
            };
        }
    }
}
