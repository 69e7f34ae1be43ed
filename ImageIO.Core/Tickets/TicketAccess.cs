namespace ImageIO.Core.Tickets;

/// <summary>What a ticket may permit.</summary>
[Flags]
public enum TicketAccess
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Reading the image.</summary>
    Read = 1,

    /// <summary>Writing, zeroing and flushing it, which includes reading.</summary>
    Write = 2,
}
