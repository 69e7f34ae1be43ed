using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Backends.Rbd.Native;

namespace ImageIO.Backends.Rbd.Images;

/// <summary>The pool and namespace of an image, and the connection that it is opened on.</summary>
/// <param name="connection">The connection; the place has a use of it.</param>
/// <param name="pool">The pool and namespace.</param>
/// <param name="openTimeout">Most time for an open.</param>
/// <param name="time">The clock.</param>
internal sealed class ImagePlace(
    ClusterConnection connection, IoContextHandle pool, TimeSpan openTimeout, TimeProvider time) : IDisposable
{
    /// <summary>The connection.</summary>
    public ClusterConnection Connection => connection;

    /// <summary>The pool and namespace.</summary>
    public IoContextHandle Pool => pool;

    /// <summary>Opens an image, without holding a thread.</summary>
    /// <param name="mode">The function to use.</param>
    /// <param name="name">Its name, or its id.</param>
    /// <param name="snapshot">The snapshot to read, or null.</param>
    /// <returns>The image, for the caller to dispose of.</returns>
    /// <exception cref="RbdException">The open failed, or took too long.</exception>
    public async Task<RbdImageHandle> OpenAsync(OpenMode mode, string name, string? snapshot)
    {
        Task<RbdImageHandle> opening = OpenUntimedAsync(mode, name, snapshot);
        try
        {
            return await opening.WaitAsync(openTimeout, time);
        }
        catch (TimeoutException)
        {
            _ = DisposeLateAsync(opening);
            throw new RbdException("opening the image", -Errno.ETIMEDOUT);
        }
    }

    /// <summary>Ends the use of the connection.</summary>
    public void Dispose()
    {
        pool.Dispose();
        connection.EndUse();
    }

    private async Task<RbdImageHandle> OpenUntimedAsync(OpenMode mode, string name, string? snapshot)
    {
        // librbd writes the image here at any later time.
        nint place = Place();
        bool isHeld = false;
        pool.DangerousAddRef(ref isHeld);
        connection.UseAgain();
        try
        {
            RbdException.ThrowIfError(
                "rbd_aio_open", await Completion.Run(call => Submit(mode, name, snapshot, place, call)));
            connection.UseAgain();
            return new RbdImageHandle(Image(place), connection.EndUse);
        }
        finally
        {
            Free(place);
            pool.DangerousRelease();
            connection.EndUse();
        }
    }

    private unsafe int Submit(OpenMode mode, string name, string? snapshot, nint place, nint call) => mode switch
    {
        OpenMode.Watched => LibRbd.Open(pool, name, (nint*)place, snapshot, call),
        OpenMode.ReadOnly => LibRbd.OpenReadOnly(pool, name, (nint*)place, snapshot, call),
        _ => LibRbd.OpenByIdReadOnly(pool, name, (nint*)place, snapshot, call),
    };

    private static unsafe nint Place() =>
        (nint)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)sizeof(nint));

    private static unsafe nint Image(nint place) => *(nint*)place;

    private static unsafe void Free(nint place) => System.Runtime.InteropServices.NativeMemory.Free((void*)place);

    private static async Task DisposeLateAsync(Task<RbdImageHandle> opening)
    {
        await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (opening.IsCompletedSuccessfully)
        {
            (await opening).Dispose();
        }
    }
}
