using System.Runtime.InteropServices;

namespace ImageIO.Formats.Qcow2;

/// <summary>
/// Deflate with a window of 4 KiB, the largest that qemu decompresses. The platform's stream has no choice of window.
/// </summary>
internal static unsafe partial class RawDeflate
{
    // The runtime's own zlib, which DeflateStream calls by these names.
    private const string Library = "libSystem.IO.Compression.Native";
    private const int Deflated = 8, WindowBits = -12, MemoryLevel = 9, DefaultLevel = -1, DefaultStrategy = 0;
    private const int Finish = 4, StreamEnd = 1, Ok = 0;

    /// <summary>Compresses everything. Returns 0 if it does not fit.</summary>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ZStream stream = default;
        int result = DeflateInit2(&stream, DefaultLevel, Deflated, WindowBits, MemoryLevel, DefaultStrategy);
        if (result != Ok)
        {
            throw new InvalidOperationException($"zlib: deflateInit2 returned {result}.");
        }

        try
        {
            fixed (byte* input = source, output = destination)
            {
                stream.NextIn = input;
                stream.AvailableIn = (uint)source.Length;
                stream.NextOut = output;
                stream.AvailableOut = (uint)destination.Length;
                return Deflate(&stream, Finish) == StreamEnd ? destination.Length - (int)stream.AvailableOut : 0;
            }
        }
        finally
        {
            _ = DeflateEnd(&stream);
        }
    }

    [LibraryImport(Library, EntryPoint = "CompressionNative_DeflateInit2_")]
    private static partial int DeflateInit2(
        ZStream* stream, int level, int method, int windowBits, int memoryLevel, int strategy);

    [LibraryImport(Library, EntryPoint = "CompressionNative_Deflate")]
    private static partial int Deflate(ZStream* stream, int flush);

    [LibraryImport(Library, EntryPoint = "CompressionNative_DeflateEnd")]
    private static partial int DeflateEnd(ZStream* stream);

    // The runtime's PAL_ZStream.
    [StructLayout(LayoutKind.Sequential)]
    private struct ZStream
    {
        public byte* NextIn;
        public byte* NextOut;
        public byte* Message;
        public void* State;
        public uint AvailableIn;
        public uint AvailableOut;
    }
}
