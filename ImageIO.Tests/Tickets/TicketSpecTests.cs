using System.Numerics;
using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Tickets;

public sealed class TicketSpecTests
{
    [Theory]
    [InlineData("01234567-89ab-cdef-0123-456789abcdef", null, "(ticket/01234567-89ab-cdef)")]
    [InlineData("0123456789abcdefghij", null, "(ticket/0123456789)")]
    [InlineData("short", null, "(ticket/sh)")]
    [InlineData("0123456789abcdefghij", "transfer-7", "transfer-7")]
    public void Without_a_transfer_id_the_first_18_characters_of_the_id_stand_in(
        string id, string? transfer, string shown) =>
        Assert.Equal(shown, (TicketFixture.Spec with { Id = new(id), TransferId = transfer }).EffectiveTransferId);

    [Fact]
    public void A_size_beyond_any_image_is_kept_exactly_and_reaches_every_byte()
    {
        BigInteger size = (BigInteger.One << 70) + 1;
        TicketSpec spec = TicketFixture.Spec with { Size = size };

        Assert.Equal(size, spec.Size);
        Assert.Equal(long.MaxValue, spec.ReachableSize);
        Assert.Equal(12, (spec with { Size = 12 }).ReachableSize);
    }

    [Theory]
    [InlineData("", TicketAccess.None)]
    [InlineData("read", TicketAccess.Read)]
    [InlineData("write", TicketAccess.Read | TicketAccess.Write)]
    [InlineData("read,write", TicketAccess.Read | TicketAccess.Write)]
    public void Writing_implies_reading(string ops, TicketAccess access) =>
        Assert.Equal(
            access, (TicketFixture.Spec with { Ops = ops.Split(',', StringSplitOptions.RemoveEmptyEntries) }).Access);
}
