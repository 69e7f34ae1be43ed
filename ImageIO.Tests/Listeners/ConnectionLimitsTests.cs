using ImageIO.Transport.Sockets;

namespace ImageIO.Tests.Listeners;

/// <summary>How many connections there may be (issue 15, B12).</summary>
public sealed class ConnectionLimitsTests
{
    private const long GiB = 1024L * 1024 * 1024;

    [Theory]
    [InlineData(400, 100, 24 * GiB, 103, 29)]
    [InlineData(1024, 100, 24 * GiB, 398, 64)]
    [InlineData(524288, 100, 384L << 20, 1024, 64)]
    [InlineData(524288, 100, 24 * GiB, 97792, 64)]
    [InlineData(100, 90, GiB, 16, 1)]
    [InlineData(524288, 100, 64L << 20, 16, 64)]
    public void Follow_from_descriptors_and_memory(long descriptors, int used, long memory, int clients, int host)
    {
        var limits = ConnectionLimits.From(descriptors, used, memory);

        Assert.Equal((clients, host), (limits.Clients, limits.Host));
        Assert.InRange(limits.Newcomers, 8, 1024);
        Assert.InRange(limits.NewcomersOfAnAddress, 2, limits.Newcomers);
    }
}
