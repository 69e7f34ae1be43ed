using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Tickets;

public sealed class TicketIdTests
{
    [Fact]
    public void No_text_of_an_id_shows_the_secret()
    {
        var id = new TicketId("secret-1");

        Assert.DoesNotContain("secret", id.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", $"{id}", StringComparison.Ordinal);
        Assert.DoesNotContain("0123456789abcdefghij", TicketFixture.Spec.ToString(), StringComparison.Ordinal);
        Assert.Equal("secret-1", id.Reveal());
    }

    [Fact]
    public void Ids_are_compared_exactly()
    {
        Assert.True(new TicketId("a") == new TicketId("a"));
        Assert.True(new TicketId("a") != new TicketId("A"));
        Assert.Equal(new TicketId("a").GetHashCode(), new TicketId("a").GetHashCode());
        Assert.Throws<ArgumentNullException>(() => new TicketId(null!));
    }
}
