namespace ImageIO.Core.Tickets;

/// <summary>The permissions of a ticket.</summary>
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
