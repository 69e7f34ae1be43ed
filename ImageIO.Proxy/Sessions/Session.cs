using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Sessions;

/// <summary>The content of a session id.</summary>
/// <param name="Number">Distinguishes it from all other sessions, also of the same ticket.</param>
/// <param name="Ticket">Its ticket.</param>
internal sealed record Session(Guid Number, ProxyTicket Ticket);
