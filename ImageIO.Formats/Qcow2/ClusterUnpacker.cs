using System.Buffers;
using System.IO.Compression;
using ImageIO.Core.Errors;
using ZstdSharp;

namespace ImageIO.Formats.Qcow2;

/// <summary>Decompresses clusters. Not thread-safe.</summary>
internal sealed class ClusterUnpacker(Qcow2Compression compression) : IDisposable
{
    private Decompressor? _zstd;

    /// <summary>Fills <paramref name="cluster"/>. Throws if the data is shorter, because the cluster is corrupt
    /// then.</summary>
    /// <param name="packed">The compressed bytes; bytes behind their end are ignored.</param>
    /// <param name="length">Bytes of <paramref name="packed"/> to use.</param>
    /// <param name="cluster">A whole cluster.</param>
    public void Unpack(byte[] packed, int length, Span<byte> cluster)
    {
        try
        {
            if (compression == Qcow2Compression.Zstd)
            {
                UnpackZstd(packed.AsSpan(0, length), cluster);
                return;
            }

            using var deflate = new DeflateStream(
                new MemoryStream(packed, 0, length, writable: false), CompressionMode.Decompress);
            deflate.ReadExactly(cluster);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ZstdException)
        {
            throw new TransferException(
                TransferError.ImageUnavailable, $"qcow2: a compressed cluster cannot be unpacked: {e.Message}", e);
        }
    }

    public void Dispose() => _zstd?.Dispose();

    private void UnpackZstd(ReadOnlySpan<byte> packed, Span<byte> cluster)
    {
        _zstd?.Dispose();
        _zstd = new Decompressor();
        while (!cluster.IsEmpty)
        {
            OperationStatus status = _zstd.UnwrapStream(packed, cluster, out int consumed, out int written);
            packed = packed[consumed..];
            cluster = cluster[written..];
            if (cluster.IsEmpty)
            {
                return;
            }

            if ((consumed == 0 && written == 0) || status is OperationStatus.InvalidData or OperationStatus.Done)
            {
                throw new InvalidDataException("the packed bytes end early");
            }
        }
    }
}
