using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Tests.Support;
using ImageIO.Transport.Tls;

namespace ImageIO.Tests.Hosting;

/// <summary>Which chain a server shows.</summary>
public sealed class ServerCertificateTests
{
    private readonly Issued _root = Issued.Authority("CN=root");
    private readonly Issued _upper;
    private readonly Issued _lower;
    private readonly Issued _leaf;

    public ServerCertificateTests()
    {
        _upper = Issued.Authority("CN=upper", _root);
        _lower = Issued.Authority("CN=lower", _upper);
        _leaf = Issued.Server("CN=leaf", _lower);
    }

    [Fact]
    public void Intermediates_lead_from_the_issuer_upward_without_the_root_whatever_the_order_of_the_file() =>
        AssertChain([_lower, _upper], known: [_root, _upper, _leaf, _lower]);

    [Fact]
    public void Chain_ends_where_an_issuer_is_not_known() => AssertChain([_lower], known: [_leaf, _lower, _root]);

    [Fact]
    public void Certificate_that_signed_itself_has_no_intermediates() =>
        Assert.Empty(ServerCertificate.IntermediatesOf(_root.Certificate, [_root.Certificate, _lower.Certificate]));

    [Fact]
    public void Authority_of_the_same_name_with_another_key_is_none_of_them() =>
        AssertChain([_lower, _upper], known: [Issued.Authority("CN=lower", _upper, days: 30), _lower, _upper]);

    [Fact]
    public void Authorities_that_signed_each_other_make_no_endless_chain()
    {
        Issued other = Issued.Authority("CN=lower", Issued.Authority("CN=upper", _lower));
        X509Certificate2 leaf = Issued.Server("CN=leaf", _lower).Certificate;
        X509Certificate2 loop = Issued.Authority("CN=upper", _lower).Certificate;

        Assert.InRange(
            ServerCertificate.IntermediatesOf(
                leaf, [_lower.Certificate, loop, other.Certificate, _upper.Certificate]).Count, 1, 4);
    }

    [Fact(Timeout = 30_000)]
    public async Task Client_is_sent_the_certificate_and_its_intermediates()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync();
        // The key first: the change of the certificate is what is looked at.
        await File.WriteAllTextAsync(daemon.Files.Certificate.KeyFile, _leaf.Key.ExportPkcs8PrivateKeyPem());
        await File.WriteAllTextAsync(
            daemon.Files.Certificate.CertificateFile,
            string.Join(
                '\n', new[] { _leaf, _root, _upper, _lower }.Select(one => one.Certificate.ExportCertificatePem())));
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, daemon.RemotePort);
        string[] sent = [];
        await using var tls = new SslStream(socket.GetStream(), false, (_, _, chain, _) =>
        {
            sent = [.. chain!.ChainPolicy.ExtraStore.Select(one => one.Subject)];
            return true;
        });

        await tls.AuthenticateAsClientAsync("localhost");

        Assert.Equal(["CN=leaf", "CN=lower", "CN=upper"], sent);
    }

    private void AssertChain(Issued[] expected, Issued[] known) => Assert.Equal(
        expected.Select(one => one.Certificate.Subject + one.Certificate.Thumbprint),
        ServerCertificate.IntermediatesOf(_leaf.Certificate, [.. known.Select(one => one.Certificate)])
            .Select(one => one.Subject + one.Thumbprint));
}
