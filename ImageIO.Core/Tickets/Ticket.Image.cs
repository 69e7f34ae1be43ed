using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Core.Tickets;

public sealed partial class Ticket
{
    private readonly ImageOpener _opener;

    // Connections that hold the image or wait for it to be opened.
    private readonly HashSet<ImageLeases> _holders = [];
    private ImageHandle? _image;

    // Completes when the image is open. Null unless the image is being opened.
    private TaskCompletionSource<ImageHandle>? _opening;

    // Openings and closings that run now. The storage may delay them for any time, so they never run under a lock, and
    // a request that waits for one can be cancelled.
    private int _openingsAndClosings;

    /// <summary>Connections that have the image open.</summary>
    public int Connections
    {
        get
        {
            lock (_lock)
            {
                return _opening is null ? _holders.Count : 0;
            }
        }
    }

    /// <summary>
    /// The ticket's image, opened if it is not open yet. The connection holds it until <see cref="ReleaseAsync"/>, or
    /// until the ticket is removed.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="cancellationToken">Ends the wait only. The image is still opened, and closed if it has no
    /// holder.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.ImageUnavailable"/>, or <see cref="TransferError.TicketCanceled"/>.
    /// </exception>
    internal ValueTask<ImageHandle> OpenAsync(ImageLeases connection, CancellationToken cancellationToken)
    {
        bool isFirst;
        TaskCompletionSource<ImageHandle> opening;
        lock (_lock)
        {
            if (_canceled)
            {
                throw Canceled();
            }

            _holders.Add(connection);
            if (_image is not null)
            {
                return ValueTask.FromResult(_image);
            }

            isFirst = _opening is null;
            opening = _opening ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            _openingsAndClosings += isFirst ? 1 : 0;
        }

        if (isFirst)
        {
            _ = OpenImageAsync(opening);
        }

        return WaitForImageAsync(opening.Task, connection, cancellationToken);
    }

    /// <summary>
    /// Counts a connection that uses the ticket without opening an image, until <see cref="ReleaseAsync"/>.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>.</exception>
    internal void Hold(ImageLeases connection)
    {
        lock (_lock)
        {
            if (_canceled)
            {
                throw Canceled();
            }

            _holders.Add(connection);
        }
    }

    /// <summary>Ends a connection's hold. The last one closes the image; the result waits for that.</summary>
    internal Task ReleaseAsync(ImageLeases connection)
    {
        ImageHandle? unused = null;
        lock (_lock)
        {
            if (_holders.Remove(connection) && _holders.Count == 0)
            {
                unused = TakeImageToClose();
            }
        }

        return unused is null ? Task.CompletedTask : CloseImageAsync(unused);
    }

    private async ValueTask<ImageHandle> WaitForImageAsync(
        Task<ImageHandle> opening, ImageLeases connection, CancellationToken cancellationToken)
    {
        try
        {
            return await opening.WaitAsync(cancellationToken);
        }
        catch
        {
            // Do not await this: if this was the last holder, closing the image may take long.
            _ = ReleaseAsync(connection);
            throw;
        }
    }

    // Belongs to the ticket, not to a request. Never fails: the outcome goes to the connections that wait.
    private async Task OpenImageAsync(TaskCompletionSource<ImageHandle> opening)
    {
        ImageHandle? image = null;
        Exception? failure = null;
        try
        {
            var access = new ImageAccess(Spec.Access.HasFlag(TicketAccess.Write), Spec.Dirty);
            image = await _opener.OpenAsync(Spec.Url, access, CancellationToken.None);
        }
        catch (Exception e)
        {
            // Reported to every connection that waits for the image.
            failure = e;
        }

        ImageHandle? unused = null;
        lock (_lock)
        {
            _opening = null;
            _image = image;
            if (_canceled || _holders.Count == 0)
            {
                unused = TakeImageToClose();
                failure ??= Canceled();
            }
        }

        if (unused is not null)
        {
            await CloseImageAsync(unused);
        }

        if (failure is null)
        {
            opening.SetResult(image!);
        }
        else
        {
            opening.SetException(failure);
            // Mark the exception as observed, because there may be no waiting connection left.
            _ = opening.Task.Exception;
        }

        OpeningOrClosingEnded();
    }

    // Called under the lock. The caller closes the returned image.
    private ImageHandle? TakeImageToClose()
    {
        (ImageHandle? unused, _image) = (_image, null);
        _openingsAndClosings += unused is null ? 0 : 1;
        return unused;
    }

    // Never fails: there is no user left to tell, and flushes have already told what is durable.
    private async Task CloseImageAsync(ImageHandle unused)
    {
        try
        {
            await unused.DisposeAsync();
        }
        catch (TransferException)
        {
            // The handle has logged it.
        }
        finally
        {
            OpeningOrClosingEnded();
        }
    }
}
