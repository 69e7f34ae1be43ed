using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using ImageIO.Core.Errors;
using ImageIO.Proxy.SignedTickets;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Proxy.SignedTickets;

/// <summary>Our own signed tickets.</summary>
public sealed class TicketSignerTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imageio-");
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly RSA _key = RSA.Create(2048);

    [Theory]
    [InlineData(SignatureForms.Pkcs1)]
    [InlineData(SignatureForms.Pss)]
    [InlineData(SignatureForms.Both)]
    public void Ticket_is_believed_until_its_lifetime_is_over(SignatureForms forms)
    {
        string ticket = Sign(forms);

        ProxyTicket read = Verifier().Verify(ticket);

        Assert.Equal(("ticket-1", "transfer-1"), (read.Id.Reveal(), read.TransferId));
        Assert.Equal("https://[::1]:54322", read.Daemon.Url);
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Throws<TransferException>(() => Verifier().Verify(ticket));
    }

    [Fact]
    public void Pkcs1_signature_is_the_one_that_the_platform_verifies()
    {
        JsonNode ticket = JsonNode.Parse(Convert.FromBase64String(Sign(SignatureForms.Both)))!;
        string signed = string.Concat(
            ticket["signedFields"]!.GetValue<string>().Split(',').Select(name => ticket[name]!.GetValue<string>()));

        Assert.True(_key.VerifyData(
            Encoding.UTF8.GetBytes(signed),
            Convert.FromBase64String(ticket["signature"]!.GetValue<string>()),
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1));
    }

    [Fact]
    public void Ticket_without_signatures_is_not_believed() =>
        Assert.Throws<TransferException>(() => Verifier().Verify(Sign(SignatureForms.None)));

    public void Dispose()
    {
        _key.Dispose();
        _directory.Delete(recursive: true);
    }

    private string Sign(SignatureForms forms) => new TicketSigner("", _key, _time).Sign(
        new DaemonAddress("::1", 54322), "ticket-1", "transfer-1", TimeSpan.FromSeconds(60), forms);

    private TicketVerifier Verifier()
    {
        string file = Path.Combine(_directory.FullName, "engine.pem");
        if (!File.Exists(file))
        {
            var request = new CertificateRequest(
                "CN=engine", _key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            using X509Certificate2 certificate = request.CreateSelfSigned(
                _time.GetUtcNow(), _time.GetUtcNow().AddDays(1));
            File.WriteAllText(file, certificate.ExportCertificatePem());
        }

        return new TicketVerifier(new SignerCertificate(file, authorityFile: null), TimeSpan.Zero, _time);
    }
}
