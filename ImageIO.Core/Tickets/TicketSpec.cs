using System.Numerics;
using ImageIO.Core.Backends;

namespace ImageIO.Core.Tickets;

/// <summary>A ticket as the manager installs it. Checked and immutable.</summary>
public sealed record TicketSpec
{
    // Characters of the id that logs show when the manager names no transfer: half of a UUID, enough to find the ticket
    // and too few to use it. Of a shorter id half is shown, because 18 characters could be all of it.
    private const int ShownIdLength = 18;

    /// <summary>The ticket's id.</summary>
    public required TicketId Id { get; init; }

    /// <summary>Bytes that clients can reach. Reported back exactly, so it can have any size.</summary>
    public required BigInteger Size { get; init; }

    /// <summary>The image.</summary>
    public required ImageUrl Url { get; init; }

    /// <summary>The permitted operations in the manager's order: <c>read</c>, <c>write</c>.</summary>
    public required IReadOnlyList<string> Ops { get; init; }

    /// <summary>Seconds until it expires, from its installation or last use.</summary>
    public required long TimeoutSeconds { get; init; }

    /// <summary>Seconds that a connection may be idle or stalled.</summary>
    public required long InactivityTimeoutSeconds { get; init; }

    /// <summary>Name of the transfer in logs and metrics. Null: derived from the id.</summary>
    public string? TransferId { get; init; }

    /// <summary>File name that a browser saves a download under. Null: none.</summary>
    public string? Filename { get; init; }

    /// <summary>Whether zeroing may give space back.</summary>
    public bool Sparse { get; init; }

    /// <summary>Whether dirty extents may be asked for.</summary>
    public bool Dirty { get; init; }

    /// <summary><see cref="TransferId"/>, or its default.</summary>
    public string EffectiveTransferId =>
        TransferId ?? $"(ticket/{Id.Reveal()[..Math.Min(ShownIdLength, Id.Reveal().Length / 2)]})";

    /// <summary><see cref="Size"/>, limited to the size that an image can have.</summary>
    public long ReachableSize => Size > long.MaxValue ? long.MaxValue : (long)Size;

    /// <summary>The operations as flags.</summary>
    public TicketAccess Access
    {
        get
        {
            TicketAccess access = TicketAccess.None;
            foreach (string op in Ops)
            {
                access |= op == "write" ? TicketAccess.Read | TicketAccess.Write : TicketAccess.Read;
            }

            return access;
        }
    }
}
