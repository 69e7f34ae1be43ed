using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;

namespace ImageIO.Tests.Support.Storage;

/// <summary>Calls of a backend with buffers as operations have them, for tests that call one directly.</summary>
internal static class AlignedCalls
{
    /// <summary>Writes at most 64 KiB.</summary>
    public static async Task WriteBytesAsync(this IBackend backend, byte[] bytes, long offset)
    {
        using AlignedBuffer buffer = AlignedBuffer.Allocate(bytes.Length);
        bytes.CopyTo(buffer.GetSpan());
        await backend.WriteAsync(buffer.Memory, offset, CancellationToken.None);
    }

    /// <summary>Reads at most 64 KiB, whole blocks.</summary>
    public static async Task<byte[]> ReadBytesAsync(this IBackend backend, long offset, int length)
    {
        using AlignedBuffer buffer = AlignedBuffer.Allocate(length);
        await backend.ReadAsync(buffer.Memory, offset, CancellationToken.None);
        return buffer.GetSpan().ToArray();
    }

    public static async Task<bool> ZeroBytesAsync(this IBackend backend, long offset, long length, ZeroMode mode) =>
        await backend.ZeroAsync(offset, length, mode, CancellationToken.None);
}
