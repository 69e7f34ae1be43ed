using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Core.Tickets;

public sealed partial class Ticket
{
    private readonly ImageOpener _opener;
    private readonly HashSet<object> _holders = [];

    // Held while the image is opened or closed, so that both happen once. _image and _holders change only under it and
    // _lock together; reading them needs only _lock.
    private readonly SemaphoreSlim _opening = new(1);
    private ImageHandle? _image;

    /// <summary>Connections that have the image open.</summary>
    public int Connections
    {
        get
        {
            lock (_lock)
            {
                return _holders.Count;
            }
        }
    }

    /// <summary>
    /// The ticket's image, opened if no connection has it open yet. The connection holds it until
    /// <see cref="ReleaseAsync"/>, or until the ticket is removed.
    /// </summary>
    /// <param name="connection">Identifies the connection.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.ImageUnavailable"/>, or <see cref="TransferError.TicketCanceled"/>.
    /// </exception>
    internal async ValueTask<ImageHandle> OpenAsync(object connection, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_image is not null && _holders.Contains(connection))
            {
                return _image;
            }
        }

        await _opening.WaitAsync(cancellationToken);
        try
        {
            ImageHandle? shared;
            lock (_lock)
            {
                if (_canceled)
                {
                    throw Canceled();
                }

                shared = _image;
            }

            ImageHandle image = shared ?? await _opener.OpenAsync(
                Spec.Url, new ImageAccess(Spec.Access.HasFlag(TicketAccess.Write), Spec.Dirty), cancellationToken);
            bool canceled;
            lock (_lock)
            {
                canceled = _canceled;
                if (!canceled)
                {
                    _image = image;
                    _holders.Add(connection);
                }
            }

            if (canceled)
            {
                if (shared is null)
                {
                    await image.DisposeAsync();
                }

                throw Canceled();
            }

            return image;
        }
        finally
        {
            _opening.Release();
        }
    }

    /// <summary>Counts a connection that uses the ticket without opening an image, until <see cref="ReleaseAsync"/>.</summary>
    /// <param name="connection">Identifies the connection.</param>
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>.</exception>
    internal void Hold(object connection)
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

    /// <summary>Ends a connection's hold; the last one closes the image.</summary>
    internal async ValueTask ReleaseAsync(object connection)
    {
        await _opening.WaitAsync();
        try
        {
            ImageHandle? unused = null;
            lock (_lock)
            {
                if (_holders.Remove(connection) && _holders.Count == 0)
                {
                    (unused, _image) = (_image, null);
                }
            }

            if (unused is not null)
            {
                await unused.DisposeAsync();
            }
        }
        finally
        {
            _opening.Release();
        }
    }

    private async ValueTask CloseImageAsync()
    {
        await _opening.WaitAsync();
        try
        {
            ImageHandle? unused;
            lock (_lock)
            {
                (unused, _image) = (_image, null);
                _holders.Clear();
            }

            if (unused is not null)
            {
                await unused.DisposeAsync();
            }
        }
        finally
        {
            _opening.Release();
        }
    }
}
