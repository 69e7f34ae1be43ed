using Xunit.Sdk;

namespace ImageIO.Tests.Endurance;

/// <summary>The tests of kills and power cuts see what is missing, and nothing else.</summary>
public sealed class DurableBytesTests
{
    private readonly DurableBytes _bytes = new(4);

    [Fact]
    public void Acknowledged_bytes_may_be_missing_until_a_flush_is_acknowledged()
    {
        Write(0, 2, value: 5);
        _bytes.Check([5, 0, 0, 0], "before the flush");

        _bytes.FlushEnds(_bytes.FlushStarts(), isAcknowledged: true);

        _bytes.Check([5, 5, 0, 0], "after it");
        Assert.ThrowsAny<XunitException>(() => _bytes.Check([5, 0, 0, 0], "after it"));
        Assert.ThrowsAny<XunitException>(() => _bytes.Check([5, 5, 1, 0], "after it"));
    }

    [Fact]
    public void A_flush_covers_no_write_that_was_not_acknowledged_before_it_began()
    {
        _bytes.ChangeStarts(0, 1, value: 5);
        DurableBytes.Flush flush = _bytes.FlushStarts();
        _bytes.ChangeEnds(0, 1, value: 5);
        Write(1, 1, value: 6);
        _bytes.FlushEnds(flush, isAcknowledged: true);

        _bytes.Check([0, 0, 0, 0], "none");
        _bytes.Check([5, 6, 0, 0], "both");
    }

    [Fact]
    public void A_failed_flush_promises_nothing_and_takes_no_promise_back()
    {
        Write(0, 1, value: 5);
        _bytes.FlushEnds(_bytes.FlushStarts(), isAcknowledged: true);
        Write(0, 1, value: 6);
        _bytes.FlushEnds(_bytes.FlushStarts(), isAcknowledged: false);

        _bytes.Check([5, 0, 0, 0], "the old value");
        _bytes.Check([6, 0, 0, 0], "the new value");
        Assert.ThrowsAny<XunitException>(() => _bytes.Check([0, 0, 0, 0], "neither"));
    }

    [Fact]
    public void After_the_daemon_died_a_flush_covers_no_earlier_write()
    {
        Write(0, 1, value: 5);
        _bytes.DaemonDies();
        _bytes.FlushEnds(_bytes.FlushStarts(), isAcknowledged: true);

        _bytes.Check([0, 0, 0, 0], "without the write");
        _bytes.Check([5, 0, 0, 0], "with it");
    }

    private void Write(int offset, int length, byte value)
    {
        _bytes.ChangeStarts(offset, length, value);
        _bytes.ChangeEnds(offset, length, value);
    }
}
