using ImageIO.Proxy.Sessions;
using ImageIO.Proxy.SignedTickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy.Sessions;

/// <summary>The keys of session ids, in a directory that proxies share.</summary>
public sealed class SessionKeysTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly ImageDirectory _directory = new();

    private string Keys => _directory.File("keys");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Keys_are_made_for_their_owner_s_eyes_only()
    {
        SessionKeys.In(Keys);

        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Keys));
        string[] files = Directory.GetFiles(Keys);
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.Equal(OwnerOnly, File.GetUnixFileMode(file)));
    }

    [Fact]
    public void Session_of_one_proxy_is_opened_by_another_with_the_same_keys_before_and_after_a_restart()
    {
        var verifier = new TicketVerifier(signer: null, TimeSpan.Zero, TimeProvider.System);
        string id = new SessionSealer(SessionKeys.In(Keys), verifier).Seal(
            ProxyTicket.Parse("""{"nbf":0,"exp":9999999999,"imaged-uri":"https://h:1","transfer-ticket":"t"}"""));

        Assert.Equal("t", new SessionSealer(SessionKeys.In(Keys), verifier).Open(id)?.Ticket.Id.Reveal());
    }

    [Fact]
    public void Directory_that_everybody_can_look_into_is_refused()
    {
        Directory.CreateDirectory(Keys);
        File.SetUnixFileMode(Keys, OwnerOnly | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);

        ConfigurationException refused = Assert.Throws<ConfigurationException>(() => SessionKeys.In(Keys));

        Assert.Contains("chmod 0700", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Directory_that_cannot_be_used_stops_the_start()
    {
        _directory.Create("keys", []);

        Assert.Throws<ConfigurationException>(() => SessionKeys.In(Keys));
        Assert.Throws<ConfigurationException>(() => SessionKeys.In("/proc/keys"));
    }
}
