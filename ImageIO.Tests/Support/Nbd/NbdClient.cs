using ImageIO.Backends.Nbd;
using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Core.Backends;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Support.Nbd;

/// <summary>Opens images with the NBD backend.</summary>
internal static class NbdClient
{
    public static async Task<IBackend> OpenAsync(
        ImageUrl url,
        NbdSettings? settings = null,
        ImageAccess? access = null,
        ILogger<NbdBackendFactory>? logger = null) =>
        await new NbdBackendFactory(settings ?? new NbdSettings(), logger ?? NullLogger<NbdBackendFactory>.Instance)
            .OpenAsync(url, access ?? new ImageAccess(Write: true), CancellationToken.None);

    public static async Task<byte[]> ReadAsync(this IBackend backend, long offset, int length)
    {
        // So that bytes which are not filled show.
        byte[] bytes = [.. Enumerable.Repeat((byte)0xEE, length)];
        await backend.ReadAsync(bytes, offset, CancellationToken.None);
        return bytes;
    }

    public static Task WriteAsync(this IBackend backend, long offset, byte[] bytes) =>
        backend.WriteAsync(bytes, offset, CancellationToken.None).AsTask();

    public static Task FlushAsync(this IBackend backend) => backend.FlushAsync(CancellationToken.None).AsTask();
}
