using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support.Nbd;

namespace ImageIO.Tests.Backends.Nbd;

/// <summary>Encrypted connections, with nbdkit as the server.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private const int Timeout = 30_000;

    private readonly string _directory = Directory.CreateTempSubdirectory("imageio-nbd-").FullName;
    private readonly NbdCertificates _certificates;

    public TlsTests() => _certificates = new NbdCertificates(_directory, "storage.example");

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return Task.CompletedTask;
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_server_is_trusted_by_its_authority_and_its_name_only()
    {
        await using NbdServer server = await StartAsync();
        var trusting = new NbdSettings { TlsCaFile = _certificates.AuthorityFile };
        var others = new NbdSettings { TlsCaFile = new NbdCertificates(_directory).AuthorityFile };

        await using (IBackend backend = await NbdClient.OpenAsync(Url(server, "storage.example"), trusting))
        {
            await backend.WriteAsync(5, [1, 2, 3]);
            Assert.Equal([1, 2, 3], await backend.ReadAsync(5, 3));
        }

        await AssertRefusedAsync(Url(server, "other.example"), trusting, "RemoteCertificateNameMismatch");
        await AssertRefusedAsync(
            ImageUrl.Parse($"nbds+unix:///?socket={server.Socket}"), trusting, "RemoteCertificateNameMismatch");
        await AssertRefusedAsync(Url(server, "storage.example"), others, "NotSignatureValid");
        await AssertRefusedAsync(Url(server, "storage.example"), new NbdSettings(), "tls_ca_file");
        await AssertRefusedAsync(server.Url, trusting, "use nbds");
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_server_that_wants_a_certificate_gets_it_and_its_refusal_is_explained()
    {
        await using NbdServer server = await StartAsync("--tls-verify-peer");
        var without = new NbdSettings { TlsCaFile = _certificates.AuthorityFile };
        NbdSettings with = without with
        {
            TlsCertFile = _certificates.ClientCertificateFile,
            TlsKeyFile = _certificates.ClientKeyFile,
        };

        await AssertRefusedAsync(Url(server, "storage.example"), without, "client certificate");
        await using IBackend backend = await NbdClient.OpenAsync(Url(server, "storage.example"), with);
        Assert.Equal(new byte[3], await backend.ReadAsync(5, 3));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Changed_files_are_used_for_the_next_connection()
    {
        await using NbdServer server = await StartAsync();
        string authority = Path.Combine(_directory, "ca.pem");
        var settings = new NbdSettings { TlsCaFile = authority };
        await File.WriteAllTextAsync(authority, "no certificate");
        await AssertRefusedAsync(Url(server, "storage.example"), settings, "");

        File.Copy(_certificates.AuthorityFile, authority, overwrite: true);

        await using IBackend backend = await NbdClient.OpenAsync(Url(server, "storage.example"), settings);
        Assert.True(backend.Capabilities.CanWrite);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_server_without_TLS_is_never_spoken_to_in_plain_text()
    {
        await using NbdServer server = await NbdServer.QemuNbdAsync(
            _directory, "--format=raw", await RawFileAsync());

        await AssertRefusedAsync(
            Url(server, "storage.example"),
            new NbdSettings { TlsCaFile = _certificates.AuthorityFile },
            "does not encrypt");
    }

    private static ImageUrl Url(NbdServer server, string hostName) =>
        ImageUrl.Parse($"nbds+unix:///?socket={server.Socket}&tls-hostname={hostName}");

    private static async Task AssertRefusedAsync(ImageUrl url, NbdSettings settings, string says)
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(() => NbdClient.OpenAsync(url, settings));
        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.True(e.Message.Contains(says, StringComparison.Ordinal), e.Message);
    }

    private async Task<string> RawFileAsync()
    {
        string path = Path.Combine(_directory, "disk");
        await File.WriteAllBytesAsync(path, new byte[4096]);
        return path;
    }

    private Task<NbdServer> StartAsync(params string[] more) => NbdServer.NbdKitAsync(
        _directory, ["--tls=require", $"--tls-certificates={_certificates.Directory}", .. more, "memory", "1M"]);
}
