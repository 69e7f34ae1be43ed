using System.Numerics;
using ImageIO.Core.Backends;

namespace ImageIO.Core.Tickets;

/// <summary>A ticket as the manager installs it: checked, and never changed afterwards.</summary>
public sealed record TicketSpec
{
    // What logs show of a ticket whose manager names no transfer: enough to find it, too little to use it. Half of a UUID;
    // of a shorter id half as well, because 18 characters could be all of it.
    private const int ShownIdLength = 18;

    /// <summary>The ticket's id.</summary>
    public required TicketId Id { get; init; }

    /// <summary>Bytes that clients may reach; reported back exactly, so of any size.</summary>
    public required BigInteger Size { get; init; }

    /// <summary>The image.</summary>
    public required ImageUrl Url { get; init; }

    /// <summary>The permitted operations in the manager's order: <c>read</c>, <c>write</c>.</summary>
    public required IReadOnlyList<string> Ops { get; init; }

    /// <summary>Seconds from installing, or from the last use, until it expires.</summary>
    public required long TimeoutSeconds { get; init; }

    /// <summary>Seconds that a connection may be idle or stalled.</summary>
    public required long InactivityTimeoutSeconds { get; init; }

    /// <summary>What logs and metrics call the transfer. Null: derived from the id.</summary>
    public string? TransferId { get; init; }

    /// <summary>File name offered to a browser that downloads. Null: none.</summary>
    public string? Filename { get; init; }

    /// <summary>Whether zeroing may give space back.</summary>
    public bool Sparse { get; init; }

    /// <summary>Whether dirty extents may be asked for.</summary>
    public bool Dirty { get; init; }

    /// <summary><see cref="TransferId"/>, or its default.</summary>
    public string EffectiveTransferId =>
        TransferId ?? $"(ticket/{Id.Reveal()[..Math.Min(ShownIdLength, Id.Reveal().Length / 2)]})";

    /// <summary><see cref="Size"/> as far as an image can be large.</summary>
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
