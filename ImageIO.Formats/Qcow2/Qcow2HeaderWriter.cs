using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using ImageIO.Core.Errors;

namespace ImageIO.Formats.Qcow2;

/// <summary>Writes the header of a new image of version 3.</summary>
internal readonly ref struct Qcow2HeaderWriter(Span<byte> cluster)
{
    private const ulong CompressionTypeFeature = 8;

    private readonly Span<byte> _cluster = cluster;

    /// <summary>
    /// The mark in the header's place until the image is complete. It is not taken for an image, and can be continued.
    /// </summary>
    public static byte[] Unfinished(Qcow2WriterOptions options, int clusterBits)
    {
        byte[] mark = new byte[256];
        string text =
            $"unfinished qcow2 1 {options.VirtualSize} {clusterBits} {options.Compression} {options.BackingFile}";
        // As much of the backing file's name as there is room for.
        Encoding.UTF8.GetEncoder().Convert(text, mark, flush: true, out _, out _, out _);
        return mark;
    }

    public void Write(
        Qcow2WriterOptions options,
        int clusterBits, long l1Offset, int l1Entries, long refcountTable, uint refcountClusters)
    {
        // Includes the compression type and its padding.
        const int HeaderLength = Qcow2Header.LengthOfVersion3 + 8;
        bool isZstd = options.Compression == Qcow2Compression.Zstd;
        U32(0, Qcow2Header.Magic);
        U32(4, 3);
        U32(20, (uint)clusterBits);
        U64(24, (ulong)options.VirtualSize);
        U32(36, (uint)l1Entries);
        U64(40, (ulong)l1Offset);
        U64(48, (ulong)refcountTable);
        U32(56, refcountClusters);
        U64(72, isZstd ? CompressionTypeFeature : 0);
        U32(96, (uint)BitOperations.Log2(Qcow2Layout.RefcountBits));
        U32(100, HeaderLength);
        _cluster[Qcow2Header.LengthOfVersion3] = (byte)(isZstd ? 1 : 0);
        if (options.BackingFile is not null)
        {
            WriteBacking(HeaderLength, options);
        }
    }

    private void WriteBacking(int position, Qcow2WriterOptions options)
    {
        byte[] format = Encoding.UTF8.GetBytes(options.BackingFormat ?? throw new ArgumentException(
            "A backing file needs a format.", nameof(options)));
        byte[] name = Encoding.UTF8.GetBytes(options.BackingFile!);
        int nameOffset = position + 8 + ((format.Length + 7) & ~7) + 8;
        if (name.Length > 1023 || nameOffset + name.Length > _cluster.Length)
        {
            throw new TransferException(
                TransferError.InvalidRequest,
                $"qcow2: a backing file's name of {name.Length} bytes is too long for the header");
        }

        U32(position, Qcow2Header.BackingFormatExtension);
        U32(position + 4, (uint)format.Length);
        format.CopyTo(_cluster[(position + 8)..]);
        name.CopyTo(_cluster[nameOffset..]);
        U64(8, (ulong)nameOffset);
        U32(16, (uint)name.Length);
    }

    private void U32(int offset, uint value) => BinaryPrimitives.WriteUInt32BigEndian(_cluster[offset..], value);

    private void U64(int offset, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(_cluster[offset..], value);
}
