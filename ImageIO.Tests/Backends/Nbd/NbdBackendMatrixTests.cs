using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Backends.Testing;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support.Nbd;

namespace ImageIO.Tests.Backends.Nbd;

/// <summary>The contract of backends on eight kinds of NBD servers.</summary>
public static class NbdBackendMatrixTests
{
    public sealed class OnQemuNbdRaw(QemuNbdRaw servers) : Row(servers), IClassFixture<QemuNbdRaw>;

    public sealed class OnQemuNbdQcow2(QemuNbdQcow2 servers) : Row(servers), IClassFixture<QemuNbdQcow2>;

    // The server takes one client at a time.
    [Without(ContractParts.SeveralHandles)]
    public sealed class OnQemuNbdForOneClient(QemuNbdForOneClient servers)
        : Row(servers), IClassFixture<QemuNbdForOneClient>;

    public sealed class OnQemuNbdOverTcp(QemuNbdOverTcp servers) : Row(servers), IClassFixture<QemuNbdOverTcp>;

    public sealed class OnNbdKit(NbdKit servers) : Row(servers), IClassFixture<NbdKit>;

    public sealed class OnNbdKitWithoutStructuredReplies(NbdKitWithoutStructuredReplies servers)
        : Row(servers), IClassFixture<NbdKitWithoutStructuredReplies>;

    public sealed class OnNbdKitWithLargeBlocks(
        NbdKitWithLargeBlocks servers) : Row(servers), IClassFixture<NbdKitWithLargeBlocks>;

    public sealed class OnNbdKitOverTls(NbdKitOverTls servers) : Row(servers), IClassFixture<NbdKitOverTls>;

    public sealed class QemuNbdRaw : NbdServerKind
    {
        internal override async Task<(NbdServer Server, ImageUrl Url)> StartAsync(long size)
        {
            NbdServer server = await NbdServer.QemuNbdAsync(Directory, "--shared=8", "--format=raw", RawFile(size));
            return (server, server.Url);
        }
    }

    public sealed class QemuNbdQcow2 : NbdServerKind
    {
        internal override async Task<(NbdServer Server, ImageUrl Url)> StartAsync(long size)
        {
            NbdServer server = await NbdServer.QemuNbdAsync(
                Directory, "--shared=8", "--discard=unmap", "--detect-zeroes=unmap", "--allocation-depth",
                "--format=qcow2", await Qcow2FileAsync(size));
            return (server, server.Url);
        }
    }

    public sealed class QemuNbdForOneClient : NbdServerKind
    {
        internal override async Task<(NbdServer Server, ImageUrl Url)> StartAsync(long size)
        {
            NbdServer server = await NbdServer.QemuNbdAsync(Directory, "--shared=1", "--format=raw", RawFile(size));
            return (server, server.Url);
        }
    }

    public sealed class QemuNbdOverTcp : NbdServerKind
    {
        internal override Task<(NbdServer Server, ImageUrl Url)> StartAsync(long size) =>
            NbdServer.QemuNbdOverTcpAsync(Directory, "--shared=8", "--format=raw", RawFile(size));
    }

    public sealed class NbdKit : NbdServerKind
    {
        internal override int SizeGranularity => 1;

        internal override async Task<(NbdServer Server, ImageUrl Url)> StartAsync(long size)
        {
            NbdServer server = await NbdServer.NbdKitAsync(Directory, "memory", $"{size}");
            return (server, server.Url);
        }
    }

    public sealed class NbdKitWithoutStructuredReplies : NbdServerKind
    {
        internal override int SizeGranularity => 1;

        internal override async Task<(NbdServer Server, ImageUrl Url)> StartAsync(long size)
        {
            NbdServer server = await NbdServer.NbdKitAsync(Directory, "--no-sr", "memory", $"{size}");
            return (server, server.Url);
        }
    }

    public sealed class NbdKitWithLargeBlocks : NbdServerKind
    {
        internal override int SizeGranularity => 4096;

        internal override async Task<(NbdServer Server, ImageUrl Url)> StartAsync(long size)
        {
            NbdServer server = await NbdServer.NbdKitAsync(
                Directory, "--filter=blocksize-policy", "memory", $"{size}", "blocksize-minimum=4096",
                "blocksize-preferred=4096", "blocksize-maximum=1M", "blocksize-error-policy=error");
            return (server, server.Url);
        }
    }

    public sealed class NbdKitOverTls : NbdServerKind
    {
        private readonly NbdCertificates _certificates;

        public NbdKitOverTls()
        {
            _certificates = new NbdCertificates(Directory);
            Settings = new NbdSettings { TlsCaFile = _certificates.AuthorityFile };
        }

        internal override int SizeGranularity => 1;

        internal override NbdSettings Settings { get; }

        internal override async Task<(NbdServer Server, ImageUrl Url)> StartAsync(long size)
        {
            NbdServer server = await NbdServer.NbdKitAsync(
                Directory, "--tls=require", $"--tls-certificates={_certificates.Directory}", "memory", $"{size}");
            return (server, ImageUrl.Parse($"nbds+unix:///?socket={server.Socket}"));
        }
    }

    // An export has a fixed number of whole blocks.
    [Trait("Needs", "Qemu")]
    [Without(ContractParts.Growth | ContractParts.PartialBlocks)]
    public abstract class Row(NbdServerKind servers) : BackendContractTests
    {
        protected override ImageUrl? MissingImage => ImageUrl.Parse($"nbd:unix:{servers.Directory}/missing");

        protected override int SizeGranularity => servers.SizeGranularity;

        protected override IBackendFactory CreateFactory() => servers.Factory;

        protected override async ValueTask<ImageUrl> CreateImageAsync(long size) =>
            await servers.CreateImageAsync(size);
    }
}
