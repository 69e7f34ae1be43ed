using System.IO.Compression;

namespace ImageIO.Backends.Gzip;

/// <summary>
/// Reads a gzip file at any position. It decompresses forwards and keeps the last 16 MiB, because the reads of one
/// download may overtake each other; for anything further back it starts again from the beginning. Not thread-safe.
/// </summary>
internal sealed class GzipReader(string path) : IDisposable
{
    private const int ChunkSize = 1024 * 1024;
    private const int KeptChunks = 16;

    // Chunk n is at n % KeptChunks.
    private readonly byte[][] _kept = new byte[KeptChunks][];
    private GZipStream _stream = Open(path);
    private long _next;

    /// <summary>Decompresses everything once, which is the only way to learn the size.</summary>
    public long FindSize(CancellationToken cancellationToken)
    {
        int length;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            length = DecompressNext();
        }
        while (length == ChunkSize);
        return ((_next - 1) * ChunkSize) + length;
    }

    /// <summary>Fills a buffer; all of it must lie inside the image.</summary>
    public void Read(Span<byte> destination, long offset)
    {
        while (!destination.IsEmpty)
        {
            int inChunk = (int)(offset % ChunkSize);
            int length = Math.Min(destination.Length, ChunkSize - inChunk);
            Chunk(offset / ChunkSize).AsSpan(inChunk, length).CopyTo(destination);
            destination = destination[length..];
            offset += length;
        }
    }

    public void Dispose() => _stream.Dispose();

    private static GZipStream Open(string path) => new(File.OpenRead(path), CompressionMode.Decompress);

    private byte[] Chunk(long number)
    {
        if (number < _next - KeptChunks)
        {
            _stream.Dispose();
            _stream = Open(path);
            _next = 0;
        }

        while (_next <= number)
        {
            DecompressNext();
        }

        return _kept[number % KeptChunks];
    }

    private int DecompressNext()
    {
        byte[] chunk = _kept[_next % KeptChunks] ??= new byte[ChunkSize];
        int length = _stream.ReadAtLeast(chunk, ChunkSize, throwOnEndOfStream: false);
        _next++;
        return length;
    }
}
