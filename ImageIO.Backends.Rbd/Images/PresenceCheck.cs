using ImageIO.Backends.Rbd.Native;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Rbd.Images;

/// <summary>
/// Checks that an image and its snapshots still exist. A handle on a removed snapshot reads zeroes after a while.
/// </summary>
/// <param name="place">Pool and connection.</param>
/// <param name="imageId">Its id.</param>
/// <param name="description">The image's name in messages.</param>
/// <param name="snapshots">The snapshots, by name, with their ids. None: the image alone.</param>
internal sealed class PresenceCheck(
    ImagePlace place, string imageId, string description, IReadOnlyList<(string Name, ulong Id)> snapshots)
{
    private readonly Lock _lock = new();

    // Guarded by the lock. The running check, and the next one.
    private Task? _running;
    private Task? _next;
    private volatile bool _isGone;

    /// <summary>
    /// Completes when a check that began after this call has found all of them. Callers share a check.
    /// </summary>
    /// <exception cref="TransferException">One of them is gone, or the check failed.</exception>
    public Task ConfirmAsync()
    {
        ThrowIfGone();
        lock (_lock)
        {
            if (_running is null)
            {
                return _running = LookAsync();
            }

            return _next ??= LookAfterAsync(_running);
        }
    }

    private async Task LookAfterAsync(Task running)
    {
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        Task look;
        lock (_lock)
        {
            // Later callers wait for the check after this one.
            _next = null;
            look = _running = LookAsync();
        }

        await look;
    }

    private async Task LookAsync()
    {
        await Task.Yield();
        try
        {
            ThrowIfGone();
            await LookOnceAsync();
        }
        finally
        {
            lock (_lock)
            {
                if (_next is null)
                {
                    _running = null;
                }
            }
        }
    }

    private async Task LookOnceAsync()
    {
        try
        {
            using RbdImageHandle image = await place.OpenAsync(OpenMode.ReadOnlyById, imageId, snapshot: null);
            _isGone = snapshots.Any(
                snapshot => LibRbd.GetSnapshotId(image, snapshot.Name, out ulong id) < 0 || id != snapshot.Id);
        }
        catch (RbdException e) when (-e.Result == Errno.ENOENT)
        {
            _isGone = true;
        }
        catch (RbdException e)
        {
            throw RbdFailure.Of($"Looking whether {description} still exists", e.Result);
        }

        ThrowIfGone();
    }

    private void ThrowIfGone()
    {
        if (_isGone)
        {
            throw new TransferException(
                TransferError.StorageFailed, $"{description} was removed, or the snapshot that it is compared with");
        }
    }
}
