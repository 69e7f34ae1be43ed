using ImageIO.Core.Errors;
using ImageIO.Http.Forwarding;
using Microsoft.Extensions.Primitives;

namespace ImageIO.Tests.Forwarding;

/// <summary>The mark by which a chain of forwarders that reaches itself is found (issue 15, B14).</summary>
public sealed class ForwarderMarkTests
{
    private readonly ForwarderMark _mark = new();

    [Fact]
    public void Marks_of_other_forwarders_stay_in_their_order_and_other_proxies_are_left_out()
    {
        string other = new ForwarderMark().Append(default);

        string via = _mark.Append(
            new StringValues(["1.1 gateway.example.com, " + other, "1.0 imageio-x", "1.1 imageio-a b"]));

        Assert.StartsWith(other + ", 1.1 imageio-", via, StringComparison.Ordinal);
        Assert.Equal(2, via.Split(", ").Length);
    }

    [Fact]
    public void Own_mark_anywhere_is_a_loop()
    {
        string via = new ForwarderMark().Append(_mark.Append("1.1 gateway"));

        TransferException failure = Assert.Throws<TransferException>(() => _mark.Append(via));

        Assert.Equal(TransferError.ForwardingLoop, failure.Error);
    }

    [Fact]
    public void Chain_of_many_forwarders_ends_even_if_none_is_met_twice()
    {
        string via = "";
        for (int i = 0; i < 8; i++)
        {
            via = new ForwarderMark().Append(via);
        }

        Assert.Equal(TransferError.ForwardingLoop, Assert.Throws<TransferException>(() => _mark.Append(via)).Error);
    }
}
