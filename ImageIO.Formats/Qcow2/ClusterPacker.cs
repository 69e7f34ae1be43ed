using ZstdSharp;

namespace ImageIO.Formats.Qcow2;

/// <summary>Compresses clusters. Not thread-safe.</summary>
internal sealed class ClusterPacker(Qcow2Compression compression) : IDisposable
{
    private Compressor? _zstd;

    /// <summary>Compresses a cluster. Returns 0 if that does not make it smaller.</summary>
    /// <param name="cluster">A whole cluster.</param>
    /// <param name="packed">Room for a cluster.</param>
    public int Pack(ReadOnlySpan<byte> cluster, Span<byte> packed)
    {
        // Saving less than a sector is not worth decompressing.
        Span<byte> room = packed[..(cluster.Length - 512)];
        if (compression == Qcow2Compression.Zlib)
        {
            return RawDeflate.Compress(cluster, room);
        }

        _zstd ??= new Compressor();
        return _zstd.TryWrap(cluster, room, out int written) ? written : 0;
    }

    public void Dispose() => _zstd?.Dispose();
}
