using System.Net;
using System.Net.Sockets;
using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support.Nbd;
using ImageIO.Web.Options;

namespace ImageIO.Tests.Backends.Nbd;

/// <summary>Where connections may go.</summary>
public sealed class ReachTests : IDisposable
{
    private const int Timeout = 30_000;

    private readonly string _directory = Directory.CreateTempSubdirectory("imageio-nbd-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory(Timeout = Timeout)]
    [InlineData("{0}", true)]
    [InlineData("{0}/", true)]
    [InlineData("/elsewhere {0}", true)]
    [InlineData("/", true)]
    [InlineData("/tmp/../{0}", true)]
    [InlineData("{0}/sock", false)]
    [InlineData("{0}x", false)]
    [InlineData("/elsewhere", false)]
    public async Task Sockets_must_be_below_an_allowed_directory_by_whole_components(string allowed, bool expected)
    {
        await using ScriptedNbdServer server = Serving();
        string directory = Path.GetDirectoryName(server.Path)!;
        var settings = new NbdSettings { AllowUnix = string.Format(null, allowed, directory).Split(' ') };

        await AssertOpensAsync(server.Url, settings, expected, "allow_unix");
    }

    [Fact(Timeout = Timeout)]
    public async Task Links_lead_neither_out_of_an_allowed_directory_nor_past_the_check()
    {
        await using ScriptedNbdServer server = Serving();
        string inside = Directory.CreateDirectory(Path.Combine(_directory, "inside")).FullName;
        File.CreateSymbolicLink(Path.Combine(inside, "sock"), server.Path);
        Directory.CreateSymbolicLink(Path.Combine(_directory, "link"), Path.GetDirectoryName(server.Path)!);
        var settings = new NbdSettings { AllowUnix = [inside] };

        await AssertOpensAsync(ImageUrl.Parse($"nbd:unix:{inside}/sock"), settings, expected: false, "allow_unix");
        await AssertOpensAsync(
            ImageUrl.Parse($"nbd:unix:{inside}/../link/sock"), settings, expected: false, "allow_unix");

        // A link as the allowed directory means what it leads to.
        var byLink = new NbdSettings { AllowUnix = [Path.Combine(_directory, "link")] };
        await AssertOpensAsync(server.Url, byLink, expected: true, "");
    }

    [Fact(Timeout = Timeout)]
    public async Task The_same_socket_has_one_identity_by_whatever_path_it_is_reached()
    {
        await using ScriptedNbdServer server = Serving();
        string link = Path.Combine(_directory, "link");
        File.CreateSymbolicLink(link, server.Path);

        await using IBackend direct = await NbdClient.OpenAsync(server.Url);
        await using IBackend linked = await NbdClient.OpenAsync(ImageUrl.Parse($"nbd+unix:///?socket={link}"));
        await using IBackend named = await NbdClient.OpenAsync(ImageUrl.Parse($"nbd:unix:{link}:exportname=x"));

        Assert.Equal(direct.Identity, linked.Identity);
        Assert.NotEqual(direct.Identity, named.Identity);
    }

    // Issue 15, B8: a server that hangs must not take the buffers of images on another one.
    [Fact(Timeout = Timeout)]
    public async Task Exports_of_one_server_share_their_part_of_the_buffers_and_other_servers_have_their_own()
    {
        await using ScriptedNbdServer server = Serving();
        await using ScriptedNbdServer other = Serving();

        await using IBackend image = await NbdClient.OpenAsync(server.Url);
        await using IBackend named = await NbdClient.OpenAsync(ImageUrl.Parse($"{server.Url.Text}:exportname=x"));
        await using IBackend elsewhere = await NbdClient.OpenAsync(other.Url);

        Assert.Equal($"unix {server.Path}", image.Storage);
        Assert.Equal(image.Storage, named.Storage);
        Assert.NotEqual(image.Storage, elsewhere.Storage);
    }

    [Fact(Timeout = Timeout)]
    public async Task The_check_is_made_again_when_a_connection_is_opened_again()
    {
        string allowed = Directory.CreateDirectory(Path.Combine(_directory, "allowed")).FullName;
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            await connection.ReceiveRequestAsync();
        });
        File.Delete(Path.Combine(allowed, "link"));
        string place = Directory.CreateDirectory(Path.Combine(allowed, "place")).FullName;
        File.CreateSymbolicLink(Path.Combine(_directory, "ok"), Path.GetDirectoryName(server.Path)!);
        await using IBackend backend = await NbdClient.OpenAsync(
            server.Url, new NbdSettings { AllowUnix = [Path.Combine(_directory, "ok")] });

        // The directory that is allowed becomes another one.
        File.Delete(Path.Combine(_directory, "ok"));
        Directory.CreateSymbolicLink(Path.Combine(_directory, "ok"), place);
        await Assert.ThrowsAsync<TransferException>(() => backend.ReadAsync(0, 1));
        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.ReadAsync(0, 1));

        Assert.Contains("allow_unix", e.Message, StringComparison.Ordinal);
    }

    [Theory(Timeout = Timeout)]
    [InlineData("a file", "is not a socket")]
    [InlineData("a directory", "is not a socket")]
    [InlineData("nothing", "there is no socket")]
    [InlineData("a dead socket", "no server listens")]
    public async Task What_is_no_socket_of_a_server_is_told_apart(string what, string says)
    {
        string path = Path.Combine(_directory, "it");
        switch (what)
        {
            case "a file":
                await File.WriteAllTextAsync(path, "");
                break;
            case "a directory":
                Directory.CreateDirectory(path);
                break;
            case "a dead socket":
                using (var socket = new Socket(
                    AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
                {
                    socket.Bind(new UnixDomainSocketEndPoint(path + "x"));
                    File.Move(path + "x", path);
                }

                break;
        }

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => NbdClient.OpenAsync(ImageUrl.Parse($"nbd:unix:{path}")));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_path_longer_than_a_socket_address_is_reached()
    {
        await using ScriptedNbdServer server = Serving();
        string deep = Path.Combine(_directory, string.Join('/', Enumerable.Repeat("directory", 20)));
        Directory.CreateDirectory(deep);
        File.CreateSymbolicLink(Path.Combine(deep, "sock"), server.Path);
        Assert.True(deep.Length > 108);

        await AssertOpensAsync(ImageUrl.Parse($"nbd:unix:{deep}/sock"), new NbdSettings(), expected: true, "");
    }

    [Theory]
    [InlineData("loopback", "127.0.0.1", true)]
    [InlineData("loopback", "127.9.9.9", true)]
    [InlineData("loopback", "::1", true)]
    [InlineData("loopback", "::ffff:127.0.0.1", true)]
    [InlineData("loopback", "0.0.0.0", false)]
    [InlineData("loopback", "10.0.0.1", false)]
    [InlineData("none", "127.0.0.1", false)]
    [InlineData("any", "10.0.0.1", true)]
    [InlineData("10.0.0.1", "10.0.0.1", true)]
    [InlineData("10.0.0.1", "10.0.0.2", false)]
    [InlineData("10.0.0.1", "127.0.0.1", false)]
    [InlineData("10.0.0.1 loopback", "127.0.0.1", true)]
    [InlineData("10.0.0.1:10809", "10.0.0.1", true)]
    [InlineData("10.0.0.1:10810", "10.0.0.1", false)]
    [InlineData("[fd00::1]:10809", "fd00::1", true)]
    [InlineData("fd00::1", "fd00::1", true)]
    [InlineData("[fd00::1]:1", "fd00::1", false)]
    [InlineData("localhost", "127.0.0.1", true)]
    [InlineData("localhost:10809", "127.0.0.1", true)]
    [InlineData("no.such.host.invalid", "127.0.0.1", false)]
    public async Task Tcp_addresses_are_allowed_by_word_host_and_port(string allowed, string address, bool expected) =>
        Assert.Equal(
            expected,
            await AllowedHosts.TryParse(allowed)!.AllowAsync(IPAddress.Parse(address), 10809, CancellationToken.None));

    [Theory(Timeout = Timeout)]
    [InlineData("none")]
    [InlineData("10.0.0.1")]
    [InlineData("127.0.0.1:1")]
    public async Task An_address_that_is_not_allowed_is_not_connected_to(string allowed)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var settings = new NbdSettings { AllowTcp = AllowedHosts.TryParse(allowed)! };

        await AssertOpensAsync(
            ImageUrl.Parse(
                $"nbd:localhost:{((IPEndPoint)listener.LocalEndpoint).Port}"), settings, expected: false, "allow_tcp");
        Assert.False(listener.Pending());
    }

    public static TheoryData<string, string, string> WrongOptions => new()
    {
        { "allow_tcp", "", "none, any" },
        { "allow_tcp", "none loopback", "none, any" },
        { "allow_tcp", "host:0", "none, any" },
        { "allow_tcp", "host:port", "none, any" },
        { "allow_tcp", "10.0.0.0/8", "none, any" },
        { "allow_unix", "run/vdsm", "absolute paths" },
        { "connect_timeout", "0", "more than 0" },
        { "stall_timeout", "3000000", "from 0 to 2147483" },
        { "connections", "0", "from 1 to 16" },
        { "connections", "17", "from 1 to 16" },
        { "tls_ca_file", "/no/such/file", "a PEM file that exists" },
        { "tls_cert_file", "/no/such/file", "both, or neither" },
        { "tls_key_file", "/no/such/file", "both, or neither" },
    };

    [Theory]
    [MemberData(nameof(WrongOptions))]
    public void A_wrong_option_is_refused_with_what_would_be_right(string option, string value, string says)
    {
        var reader = new ConfigurationReader([new IniOption("backend_nbd", option, value, "nbd.conf")]);

        ConfigurationException e = Assert.Throws<ConfigurationException>(
            () => NbdSettings.Read(new BackendSections(reader).Of("nbd")));

        Assert.Contains(
            $"nbd.conf: option '{option}' of section [backend_nbd] is '{value}'", e.Message, StringComparison.Ordinal);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    private static ScriptedNbdServer Serving() => new(async connection =>
    {
        await connection.NegotiateAsync(new ScriptedExport());
        await connection.ServeAsync();
    });

    private static async Task AssertOpensAsync(ImageUrl url, NbdSettings settings, bool expected, string says)
    {
        if (expected)
        {
            await using IBackend backend = await NbdClient.OpenAsync(url, settings);
            await backend.ReadAsync(0, 1);
            return;
        }

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => NbdClient.OpenAsync(url, settings));
        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }
}
