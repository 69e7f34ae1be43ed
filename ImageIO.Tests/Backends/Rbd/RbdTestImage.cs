using ImageIO.Backends.Rbd;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support.Rbd;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>Steps that tests of the backend have in common.</summary>
internal static class RbdTestImage
{
    public static async Task<IBackend> OpenAsync(
        this RbdBackendFactory factory, string image, bool write = false, bool dirty = false) =>
        await factory.OpenAsync(CephCluster.Url(image), new ImageAccess(write, dirty), CancellationToken.None);

    public static async Task<TransferException> RefusesAsync(
        this RbdBackendFactory factory, string url, bool write = false) =>
        await Assert.ThrowsAsync<TransferException>(async () =>
            await factory.OpenAsync(ImageUrl.Parse(url), new ImageAccess(write), CancellationToken.None));

    public static async Task WriteAsync(this IBackend image, byte[] bytes, long offset = 0) =>
        await image.WriteAsync(bytes, offset, CancellationToken.None);

    public static async Task ZeroAsync(this IBackend image, long offset, long length) =>
        await image.ZeroAsync(offset, length, ZeroMode.Deallocate, CancellationToken.None);

    public static async Task<byte[]> ReadAsync(this IBackend image, long offset = 0, long? length = null)
    {
        byte[] bytes = new byte[length ?? (image.Size - offset)];
        await image.ReadAsync(bytes, offset, CancellationToken.None);
        return bytes;
    }

    public static async Task<List<Extent>> ExtentsAsync(this IBackend image, ExtentContext context)
    {
        var all = new List<Extent>();
        await foreach (Extent extent in image.GetExtentsAsync(context, CancellationToken.None))
        {
            all.Add(extent);
        }

        return all;
    }

    public static async Task<TransferException> FailsAsync(Func<Task> call) =>
        await Assert.ThrowsAsync<TransferException>(call);

    public static byte[] Random(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
