using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Sessions;

/// <summary>What a session id says once it is opened.</summary>
/// <param name="Number">Tells it from every other session, also of the same ticket.</param>
/// <param name="Ticket">The ticket that it stands for.</param>
internal sealed record Session(Guid Number, ProxyTicket Ticket);
