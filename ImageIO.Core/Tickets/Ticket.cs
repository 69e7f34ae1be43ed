using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Core.Tickets;

/// <summary>
/// An installed ticket: what it permits, until when, which operations run, and what was transferred. Thread-safe.
/// </summary>
/// <remarks>This part is time and permission; the others are operations and the open image.</remarks>
public sealed partial class Ticket
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private long _expires;
    private long _lastUse;

    /// <summary>Installs a ticket. Its time starts now.</summary>
    /// <param name="spec">The ticket as the manager sent it.</param>
    /// <param name="opener">Opens the image for the first connection that needs it.</param>
    /// <param name="time">The clock; only its monotonic timestamp is used.</param>
    public Ticket(TicketSpec spec, ImageOpener opener, TimeProvider time)
    {
        Spec = spec;
        _opener = opener;
        _time = time;
        _lastUse = NowSeconds;
        _expires = After(spec.TimeoutSeconds);
    }

    /// <summary>The ticket as the manager sent it.</summary>
    public TicketSpec Spec { get; }

    /// <summary>Name of this ticket's transfer in logs and metrics.</summary>
    public string TransferId => Spec.EffectiveTransferId;

    /// <summary>When it expires, in whole seconds of the monotonic clock.</summary>
    public long ExpiresSeconds
    {
        get
        {
            lock (_lock)
            {
                return _expires;
            }
        }
    }

    /// <summary>Whole seconds until it expires; 0 after that.</summary>
    public long RemainingSeconds
    {
        get
        {
            lock (_lock)
            {
                return Math.Max(0, _expires - NowSeconds);
            }
        }
    }

    /// <summary>Whole seconds since the last operation ended; 0 while it is in use.</summary>
    public long IdleSeconds
    {
        get
        {
            lock (_lock)
            {
                return InUse ? 0 : NowSeconds - _lastUse;
            }
        }
    }

    /// <summary>Whether it has expired.</summary>
    public bool IsExpired
    {
        get
        {
            lock (_lock)
            {
                return _expires <= NowSeconds;
            }
        }
    }

    private long NowSeconds => _time.GetTimestamp() / _time.TimestampFrequency;

    /// <summary>Throws unless the ticket permits <paramref name="access"/> now.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.TicketCanceled"/>, <see cref="TransferError.TicketExpired"/> or
    /// <see cref="TransferError.OperationNotPermitted"/>.
    /// </exception>
    public void Authorize(TicketAccess access)
    {
        lock (_lock)
        {
            if (_canceled)
            {
                throw Canceled();
            }

            if (_expires <= NowSeconds)
            {
                throw new TransferException(TransferError.TicketExpired, $"Transfer {TransferId} has expired");
            }
        }

        if ((Spec.Access & access) != access)
        {
            throw new TransferException(
                TransferError.OperationNotPermitted,
                $"Transfer {TransferId} does not permit {(access == TicketAccess.Write ? "write" : "read")}");
        }
    }

    /// <summary>Restarts the ticket's time after a use.</summary>
    public void Extend()
    {
        lock (_lock)
        {
            _lastUse = NowSeconds;
            _expires = After(Spec.TimeoutSeconds);
        }
    }

    /// <summary>Sets the expiry to so many seconds from now, even if it has expired already. 0: now.</summary>
    /// <param name="seconds">0 or more.</param>
    public void ExpireAfter(long seconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seconds);
        lock (_lock)
        {
            _expires = After(seconds);
        }
    }

    private long After(long seconds)
    {
        long now = NowSeconds;
        return seconds > long.MaxValue - now ? long.MaxValue : now + seconds;
    }

    private TransferException Canceled() =>
        new(TransferError.TicketCanceled, $"Transfer {TransferId} was canceled");
}
