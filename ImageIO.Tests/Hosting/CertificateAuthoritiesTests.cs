using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Tests.Support;
using ImageIO.Transport;
using ImageIO.Transport.Tls;

namespace ImageIO.Tests.Hosting;

/// <summary>Which certificates an authorities' file vouches for.</summary>
public sealed class CertificateAuthoritiesTests : IDisposable
{
    private const string Server = "1.3.6.1.5.5.7.3.1";
    private const string Client = "1.3.6.1.5.5.7.3.2";
    private const string CodeSigning = "1.3.6.1.5.5.7.3.3";
    private const string Any = "2.5.29.37.0";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imageio-");
    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();
    private readonly Issued _root;
    private readonly Issued _intermediate;
    private readonly Issued _other;
    private readonly X509Certificate2 _leaf;

    public CertificateAuthoritiesTests()
    {
        _root = Issued.Authority("CN=root");
        _intermediate = Issued.Authority("CN=intermediate", _root);
        _other = Issued.Authority("CN=root");
        _leaf = Issued.Server("CN=leaf", _intermediate).Certificate;
    }

    [Theory]
    [InlineData("root", true, true)]
    [InlineData("root", false, false)]
    [InlineData("intermediate", true, true)]
    [InlineData("intermediate", false, true)]
    [InlineData("leaf", false, true)]
    [InlineData("other", true, false)]
    [InlineData("other root", true, true)]
    public void Any_certificate_in_the_file_is_an_anchor_for_what_leads_to_it(
        string inFile, bool isIntermediateSent, bool isVouchedFor)
    {
        CertificateAuthorities authorities = File(inFile);

        Assert.Equal(
            isVouchedFor, authorities.VouchFor(_leaf, isIntermediateSent ? [_intermediate.Certificate] : [], _now));
    }

    [Theory]
    [InlineData("root")]
    [InlineData("intermediate")]
    public void Nobody_vouches_for_a_certificate_out_of_its_time(string inFile)
    {
        CertificateAuthorities authorities = File(inFile);

        Assert.False(authorities.VouchFor(_leaf, [_intermediate.Certificate], _now.AddDays(3)));
        Assert.False(authorities.VouchFor(_leaf, [_intermediate.Certificate], _now.AddDays(-3)));
    }

    [Fact]
    public void Certificate_that_another_key_signed_is_not_vouched_for_by_an_authority_of_the_same_name()
    {
        Issued impostor = Issued.Authority("CN=intermediate", _other);
        X509Certificate2 leaf = Issued.Server("CN=leaf", impostor).Certificate;

        Assert.False(File("intermediate").VouchFor(leaf, [impostor.Certificate, _intermediate.Certificate], _now));
        Assert.False(File("root").VouchFor(leaf, [impostor.Certificate, _intermediate.Certificate], _now));
    }

    [Theory]
    [InlineData("root", -10, 2)]
    [InlineData("root", 5, 2)]
    [InlineData("intermediate", -10, 2)]
    [InlineData("intermediate", 5, 2)]
    public void Nobody_vouches_through_an_authority_out_of_its_time_also_when_it_is_the_anchor(
        string inFile, int start, int days)
    {
        Issued intermediate = Issued.Authority("CN=late", _root, days, start);
        X509Certificate2 leaf = Issued.Server("CN=leaf", intermediate).Certificate;
        CertificateAuthorities authorities = File(inFile, intermediate.Certificate);

        Assert.False(authorities.VouchFor(leaf, [intermediate.Certificate], _now));
    }

    [Theory]
    [InlineData("", "", true)]
    [InlineData(Server, "", true)]
    [InlineData(Any, "", true)]
    [InlineData(Client + " " + Server, "", true)]
    [InlineData(Client, "", false)]
    [InlineData(CodeSigning, "", false)]
    [InlineData("", Server, true)]
    [InlineData("", Any, true)]
    [InlineData("", Client, false)]
    [InlineData(Server, CodeSigning, false)]
    public void Each_link_is_for_the_purpose_also_when_it_is_the_anchor(
        string leaf, string authority, bool isVouchedFor)
    {
        Issued intermediate = Issued.Authority("CN=purpose", _root, purposes: Words(authority));
        X509Certificate2 certificate = Issued.Server("CN=leaf", intermediate, Words(leaf)).Certificate;

        foreach (string inFile in (string[])["root", "intermediate", "root intermediate"])
        {
            CertificateAuthorities authorities = File(inFile, intermediate.Certificate);
            Assert.Equal(
                isVouchedFor, authorities
                    .VouchFor(certificate, [intermediate.Certificate], _now, CertificateAuthorities.ServerPurpose));
            Assert.True(authorities.VouchFor(certificate, [intermediate.Certificate], _now), "for any purpose");
        }
    }

    [Fact]
    public void File_that_changes_is_read_again_and_one_that_cannot_be_used_vouches_for_nobody()
    {
        CertificateAuthorities authorities = File("other");
        Assert.False(authorities.VouchFor(_leaf, [], _now));

        File("intermediate");
        Assert.True(authorities.VouchFor(_leaf, [], _now));

        System.IO.File.WriteAllText(Path(), "nothing");
        Assert.Throws<CryptographicException>(() => authorities.VouchFor(_leaf, [], _now));
        Assert.Throws<TransportException>(authorities.Check);

        System.IO.File.Delete(Path());
        Assert.ThrowsAny<IOException>(() => authorities.VouchFor(_leaf, [], _now));
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private string Path() => System.IO.Path.Combine(_directory.FullName, "ca.pem");

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private CertificateAuthorities File(string names, X509Certificate2? intermediate = null)
    {
        var known = new Dictionary<string, X509Certificate2>
        {
            ["root"] = _root.Certificate,
            ["intermediate"] = intermediate ?? _intermediate.Certificate,
            ["other"] = _other.Certificate,
            ["leaf"] = _leaf,
        };
        System.IO.File.WriteAllText(
            Path(), string.Join('\n', names.Split(' ').Select(name => known[name].ExportCertificatePem())));
        return new CertificateAuthorities(Path());
    }
}
