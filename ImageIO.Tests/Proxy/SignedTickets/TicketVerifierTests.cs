using ImageIO.Core.Errors;
using ImageIO.Proxy.SignedTickets;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Proxy.SignedTickets;

/// <summary>Signed tickets that are trusted or refused, written by an independent program.</summary>
public sealed class TicketVerifierTests(IndependentTickets tickets) : IClassFixture<IndependentTickets>
{
    [SkippableFact]
    public void Good_tickets_are_believed()
    {
        tickets.SkipIfMissing();
        TicketVerifier verifier = Verifier();

        Assert.All(tickets.Good, pair =>
        {
            ProxyTicket ticket = verifier.Verify(pair.Value);
            Assert.Equal("ticket-1", ticket.Id.Reveal());
            Assert.Equal(54322, ticket.Daemon.Port);
        });
    }

    [SkippableFact]
    public void Bad_tickets_are_refused_and_the_reason_holds_no_part_of_them()
    {
        tickets.SkipIfMissing();
        TicketVerifier verifier = Verifier();

        Assert.All(tickets.Bad, pair =>
        {
            string reason = Refused(verifier, pair.Value);
            Assert.DoesNotContain("ticket-1", reason, StringComparison.Ordinal);
            Assert.DoesNotContain("host.example", reason, StringComparison.Ordinal);
        });
    }

    // Each for its own reason: a table in which everything fails for one and the same proves nothing.
    [SkippableTheory]
    [InlineData("salt unsigned", "'salt' is not among the signed fields")]
    [InlineData("data signed twice", "a field is signed twice")]
    [InlineData("data changed", "'signature' is not the signer's")]
    [InlineData("first signature wrong, second right", "'signature' is not the signer's")]
    [InlineData("first signature right, second wrong", "'v2_signature' is not the signer's")]
    [InlineData("both signatures missing", "it is not signed")]
    [InlineData("PSS with a salt one byte short", "'v2_signature' is not the signer's")]
    [InlineData("validFrom next second", "it is not yet valid ('validFrom')")]
    [InlineData("validTo last second", "it has expired ('validTo')")]
    [InlineData("nbf next second", "it is not yet valid ('nbf')")]
    [InlineData("exp this second", "it has expired ('exp')")]
    [InlineData("payload without exp", "'exp' in its payload is missing")]
    [InlineData("imaged-uri 'http://h:1'", "'imaged-uri' in its payload")]
    [InlineData("a line break inside", "it is not base64")]
    [InlineData("a list", "it is not a JSON object")]
    [InlineData("1 MiB", "it is longer than")]
    public void Reason_says_what_is_wrong(string name, string reason)
    {
        tickets.SkipIfMissing();

        Assert.Contains(reason, Refused(Verifier(), tickets.Bad[name]), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("validFrom next second")]
    [InlineData("validTo last second")]
    [InlineData("nbf next second")]
    [InlineData("exp this second")]
    public void Clocks_may_differ_by_the_allowed_seconds(string name)
    {
        tickets.SkipIfMissing();

        Verifier(skewSeconds: 1).Verify(tickets.Bad[name]);
    }

    [SkippableFact]
    public void Clocks_may_not_differ_by_a_second_more()
    {
        tickets.SkipIfMissing();
        var later = new FakeTimeProvider(tickets.Time.GetUtcNow().AddSeconds(3));

        Refused(Verifier(skewSeconds: 1, time: later), tickets.Good["exp next second"]);
        Verifier(skewSeconds: 3, time: later).Verify(tickets.Good["exp next second"]);
    }

    [SkippableTheory]
    [InlineData("other-authority.pem")]
    [InlineData("self-signed.pem")]
    [InlineData("expired.pem")]
    [InlineData("not-yet-valid.pem")]
    public void Signer_that_the_authority_does_not_vouch_for_is_refused_unless_that_is_switched_off(string signer)
    {
        tickets.SkipIfMissing();
        string file = tickets.PathOf(signer);

        string reason = Refused(Verifier(new SignerCertificate(file, tickets.Authority)), tickets.Good["both"]);

        Assert.Contains("not trusted by the authority", reason, StringComparison.Ordinal);
        Verifier(new SignerCertificate(file, authorityFile: null)).Verify(tickets.Good["both"]);
    }

    [SkippableFact]
    public void Changed_certificate_is_read_again_and_a_missing_one_trusts_nobody()
    {
        tickets.SkipIfMissing();
        string file = tickets.PathOf($"{Guid.NewGuid():N}.pem");
        File.Copy(tickets.Signer, file);
        TicketVerifier verifier = Verifier(new SignerCertificate(file, tickets.Authority));
        string ticket = tickets.Good["both"];
        verifier.Verify(ticket);

        File.Copy(tickets.PathOf("expired.pem"), file, overwrite: true);
        File.SetLastWriteTimeUtc(file, tickets.Time.GetUtcNow().UtcDateTime.AddHours(1));
        Assert.Contains("not trusted", Refused(verifier, ticket), StringComparison.Ordinal);

        File.WriteAllText(file, "no certificate");
        Assert.Contains("cannot read", Refused(verifier, ticket), StringComparison.Ordinal);

        File.Delete(file);
        Assert.Contains("cannot read", Refused(verifier, ticket), StringComparison.Ordinal);

        File.Copy(tickets.Signer, file);
        verifier.Verify(ticket);
    }

    [SkippableFact]
    public void Texts_of_tickets_show_nothing()
    {
        tickets.SkipIfMissing();

        Assert.Equal("(signed ticket)", SignedTicket.Parse(tickets.Good["both"]).ToString());
        Assert.Equal("(ticket of transfer transfer-1)", Verifier().Verify(tickets.Good["both"]).ToString());
    }

    private TicketVerifier Verifier(SignerCertificate? signer = null, int skewSeconds = 0, TimeProvider? time = null) =>
        new(
        signer ?? new SignerCertificate(tickets.Signer, tickets.Authority), TimeSpan.FromSeconds(skewSeconds), time
            ?? tickets.Time);

    private static string Refused(TicketVerifier verifier, string ticket)
    {
        TransferException refused = Assert.Throws<TransferException>(() => verifier.Verify(ticket));
        Assert.Equal(TransferError.SignedTicketRefused, refused.Error);
        return refused.Message;
    }
}
