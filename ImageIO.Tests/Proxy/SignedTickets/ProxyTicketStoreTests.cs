using ImageIO.Core.Tickets;
using ImageIO.Proxy.SignedTickets;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Proxy.SignedTickets;

/// <summary>The tickets that a proxy holds.</summary>
public sealed class ProxyTicketStoreTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeSeconds(1000));
    private readonly ProxyTicketStore _tickets;

    public ProxyTicketStoreTests() =>
        _tickets = new ProxyTicketStore(new TicketVerifier(signer: null, TimeSpan.FromSeconds(5), _time));

    [Fact]
    public void Tickets_that_nobody_removes_go_when_they_have_expired_and_another_comes()
    {
        _tickets.Add(Ticket("old", expires: 1010));
        _tickets.Add(Ticket("living", expires: 1100));

        // With the allowed skew it lives to the end of the second 1014.
        _time.Advance(TimeSpan.FromSeconds(14));
        _tickets.Add(Ticket("third", expires: 1100));
        Assert.NotNull(_tickets.Find(new TicketId("old")));

        _time.Advance(TimeSpan.FromSeconds(1));
        _tickets.Add(Ticket("fourth", expires: 1100));
        Assert.Null(_tickets.Find(new TicketId("old")));
        Assert.Equal(3, _tickets.Count);
    }

    [Fact]
    public void Ids_are_told_apart_by_case()
    {
        _tickets.Add(Ticket("id", expires: 1100));

        Assert.Null(_tickets.Find(new TicketId("ID")));
    }

    private static ProxyTicket Ticket(string id, long expires) => ProxyTicket.Parse(
        $$"""{"nbf":0,"exp":{{expires}},"imaged-uri":"https://h:1","transfer-ticket":"{{id}}"}""");
}
