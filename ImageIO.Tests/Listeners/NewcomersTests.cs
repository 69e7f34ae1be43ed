using System.Net;
using ImageIO.Transport.Sockets;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Listeners;

/// <summary>Clients that have connected and said nothing (issue 15, B11).</summary>
public sealed class NewcomersTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _ended = [];
    private readonly HashSet<string> _sent = [];

    [Fact]
    public void One_too_many_takes_the_place_of_the_one_that_has_been_silent_for_longest()
    {
        Newcomers newcomers = Create(most: 3, share: 3);
        newcomers.Speaks(Add(newcomers, "10.0.0.1", "first"));
        Add(newcomers, "10.0.0.2", "second");
        Add(newcomers, "10.0.0.3", "third");
        Pass(milliseconds: 150);

        Assert.True(newcomers.HasRoomFor(At("10.0.0.4")));

        Assert.Equal(["second"], _ended);
        Assert.Equal((2, 1), (newcomers.Count, newcomers.Ended));
    }

    // Its bytes are there, and it is us who have not read them yet.
    [Fact]
    public void Client_that_was_not_listened_to_yet_is_not_silent()
    {
        Newcomers newcomers = Create(most: 2, share: 2);
        Add(newcomers, "10.0.0.1", "first");
        Add(newcomers, "10.0.0.2", "second");
        _sent.Add("first");
        Pass(milliseconds: 150);

        Assert.True(newcomers.HasRoomFor(At("10.0.0.3")));

        Assert.Equal(["second"], _ended);
    }

    [Fact]
    public void New_one_waits_while_the_others_have_not_had_the_time()
    {
        Newcomers newcomers = Create(most: 2, share: 2);
        newcomers.Speaks(Add(newcomers, "10.0.0.1", "first"));
        Add(newcomers, "10.0.0.2", "second");
        Assert.False(newcomers.HasRoomFor(At("10.0.0.3")));

        Pass(milliseconds: 150);
        Assert.True(newcomers.HasRoomFor(At("10.0.0.3")));
        newcomers.Speaks(Add(newcomers, "10.0.0.3", "third"));
        Pass(milliseconds: 4000);
        Assert.False(newcomers.HasRoomFor(At("10.0.0.4")));
        Pass(milliseconds: 1000);
        Assert.True(newcomers.HasRoomFor(At("10.0.0.4")));

        Assert.Equal(["second", "first"], _ended);
    }

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1")]
    [InlineData("10.0.0.1", "::ffff:10.0.0.1")]
    [InlineData("2001:db8::1", "2001:db8::2:3")]
    public void Address_above_its_share_makes_room_among_its_own(string address, string same)
    {
        Newcomers newcomers = Create(most: 100, share: 3);
        Add(newcomers, "192.0.2.1", "neighbour");
        Add(newcomers, address, "a");
        newcomers.Speaks(Add(newcomers, same, "b"));
        Pass(milliseconds: 150);
        Assert.True(newcomers.HasRoomFor(At(address)));
        Add(newcomers, address, "c");
        Assert.Empty(_ended);

        Assert.True(newcomers.HasRoomFor(At(address)));
        Assert.Equal(["a"], _ended);
        Add(newcomers, same, "d");
        Pass(milliseconds: 1000);
        newcomers.HasRoomFor(At(same));
        newcomers.HasRoomFor(At("192.0.2.2"));

        Assert.Equal(["a", "c"], _ended);
    }

    // A burst of a host behind one address: there is room, and they are all busy.
    [Fact]
    public void Address_above_its_share_whose_clients_are_quick_gets_in()
    {
        Newcomers newcomers = Create(most: 100, share: 1);
        newcomers.Speaks(Add(newcomers, "10.0.0.1", "a"));
        newcomers.Speaks(Add(newcomers, "10.0.0.1", "b"));

        Assert.True(newcomers.HasRoomFor(At("10.0.0.1")));

        Assert.Empty(_ended);
    }

    [Fact]
    public void Client_that_has_introduced_itself_or_gone_counts_no_more_and_is_not_ended()
    {
        Newcomers newcomers = Create(most: 2, share: 2);
        Newcomer first = Add(newcomers, "10.0.0.1", "first");
        newcomers.Remove(first);
        newcomers.Remove(first);
        newcomers.Speaks(first);
        Add(newcomers, "10.0.0.1", "second");
        newcomers.Add(remote: null, () => false, () => _ended.Add("local"));
        Pass(milliseconds: 150);

        Assert.Equal(2, newcomers.Count);
        Assert.True(newcomers.EndSilent());
        Assert.True(newcomers.EndSilent());
        Assert.False(newcomers.EndSilent());
        Assert.Equal(["second", "local"], _ended);
    }

    [Fact]
    public void They_are_many_when_there_are_more_than_half()
    {
        Newcomers newcomers = Create(most: 4, share: 4);
        Add(newcomers, "10.0.0.1", "first");
        Add(newcomers, "10.0.0.1", "second");
        Assert.False(newcomers.AreMany);

        Add(newcomers, "10.0.0.1", "third");

        Assert.True(newcomers.AreMany);
    }

    private Newcomers Create(int most, int share) => new(most, share, _time);

    private void Pass(int milliseconds) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private Newcomer Add(Newcomers newcomers, string address, string name) =>
        newcomers.Add(At(address), () => _sent.Contains(name), () => _ended.Add(name));

    private static IPEndPoint At(string address) => new(IPAddress.Parse(address), 1);
}
