using ImageIO.Core.Errors;
using ImageIO.Proxy.Sessions;
using ImageIO.Proxy.SignedTickets;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Proxy.Sessions;

/// <summary>Session ids: what they hold, how long, and which are none.</summary>
public sealed class SessionSealerTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeSeconds(1000));
    private readonly IDataProtectionProvider _keys = SessionKeys.Ephemeral();
    private readonly TicketVerifier _verifier;
    private readonly SessionSealer _sealer;

    public SessionSealerTests()
    {
        _verifier = new TicketVerifier(signer: null, TimeSpan.FromSeconds(5), _time);
        _sealer = new SessionSealer(_keys, _verifier);
    }

    [Fact]
    public void Id_holds_all_of_the_ticket()
    {
        ProxyTicket ticket = Ticket(
            """{"nbf":7,"exp":1100,"imaged-uri":"https://:::54322","transfer-ticket":"ä\"\\","transfer-id":"t"}""");

        ProxyTicket? opened = _sealer.Open(_sealer.Seal(ticket))?.Ticket;

        Assert.Equal(
            (7, 1100, "https://[::]:54322", "t"),
            (opened?.NotBeforeSeconds, opened?.ExpiresSeconds, opened?.Daemon.Url, opened?.TransferId));
        Assert.Equal("ä\"\\", opened?.Id.Reveal());
    }

    [Fact]
    public void Id_is_good_until_the_ticket_s_time_is_over_with_the_allowed_skew()
    {
        string id = _sealer.Seal(Ticket());

        _time.SetUtcNow(DateTimeOffset.FromUnixTimeSeconds(1104).AddMilliseconds(999));
        Assert.NotNull(_sealer.Open(id));

        _time.SetUtcNow(DateTimeOffset.FromUnixTimeSeconds(1105));
        Assert.Null(_sealer.Open(id));
    }

    [Fact]
    public void Id_with_any_character_changed_left_out_or_added_is_none()
    {
        string id = _sealer.Seal(Ticket());

        for (int at = 0; at < id.Length; at++)
        {
            char other = id[at] == 'A' ? 'B' : 'A';
            Assert.Null(_sealer.Open($"{id[..at]}{other}{id[(at + 1)..]}"));
            Assert.Null(_sealer.Open($"{id[..at]}{id[(at + 1)..]}"));
            Assert.Null(_sealer.Open($"{id[..at]} {id[at..]}"));
        }

        Assert.All(["=", "==", "\n", "A", id], more => Assert.Null(_sealer.Open(id + more)));
        Assert.NotNull(_sealer.Open(id));
    }

    [Fact]
    public void Id_by_other_keys_or_for_another_purpose_is_none()
    {
        byte[] content = [.. new byte[16], .. "{}"u8];
        string foreign = System.Buffers.Text.Base64Url.EncodeToString(_keys.CreateProtector("others").Protect(content));

        Assert.Null(new SessionSealer(SessionKeys.Ephemeral(), _verifier).Open(_sealer.Seal(Ticket())));
        Assert.Null(_sealer.Open(foreign));
    }

    [Fact]
    public void Ticket_that_is_too_long_for_a_url_has_no_session()
    {
        ProxyTicket ticket = Ticket(
            $$"""{"nbf":0,"exp":1100,"imaged-uri":"https:/"""
                + $$"""/h:1","transfer-ticket":"t","transfer-id":"{{new string('x', 2000)}}"}""");

        TransferException refused = Assert.Throws<TransferException>(() => _sealer.Seal(ticket));

        Assert.Equal(TransferError.InvalidRequest, refused.Error);
    }

    [Fact]
    public void Deleted_sessions_are_forgotten_when_their_time_is_over_or_there_are_too_many()
    {
        var deleted = new DeletedSessions(_verifier);
        var first = new Session(Guid.NewGuid(), Ticket());
        Assert.True(deleted.Add(first));
        Assert.False(deleted.Add(first));

        for (int count = 1; count < DeletedSessions.Most; count++)
        {
            deleted.Add(new Session(Guid.NewGuid(), first.Ticket));
        }

        Assert.True(deleted.Contains(first));
        deleted.Add(new Session(Guid.NewGuid(), first.Ticket));
        Assert.False(deleted.Contains(first));
        deleted.Add(first);
        _time.SetUtcNow(DateTimeOffset.FromUnixTimeSeconds(1105));
        deleted.Add(new Session(Guid.NewGuid(), first.Ticket));
        Assert.False(deleted.Contains(first));
    }

    private static ProxyTicket Ticket(
        string payload =
            """{"nbf":0,"exp":1100,"imaged-uri":"https://h:1","transfer-ticket":"t"}""") => ProxyTicket.Parse(payload);
}
