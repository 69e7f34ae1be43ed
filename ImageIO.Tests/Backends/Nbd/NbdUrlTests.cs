using CsCheck;
using ImageIO.Backends.Nbd.Addresses;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support.Nbd;

namespace ImageIO.Tests.Backends.Nbd;

public sealed class NbdUrlTests
{
    [Theory]
    [InlineData("nbd:unix:/run/vdsm/nbd/1.sock", "/run/vdsm/nbd/1.sock", "")]
    [InlineData("nbd:unix:/run/vdsm/nbd/1.sock:exportname=", "/run/vdsm/nbd/1.sock", "")]
    [InlineData("nbd:unix:/run/a b:exportname=sda", "/run/a b", "sda")]
    [InlineData("nbd:unix:/s:exportname=a:b/c%20d:exportname=e", "/s", "a:b/c%20d:exportname=e")]
    [InlineData("nbd+unix:///?socket=/run/s", "/run/s", "")]
    [InlineData("nbd+unix:///sda?socket=/run/a%20b+c", "/run/a b+c", "sda")]
    [InlineData("nbd+unix:////abs%2Fname?socket=%2Frun%2Fs", "/run/s", "/abs/name")]
    [InlineData("NBD+UNIX:///x?socket=/run/s", "/run/s", "x")]
    public void Unix_sockets_are_named_by_path_and_export(string url, string path, string name)
    {
        NbdUrl parsed = NbdUrl.Parse(ImageUrl.Parse(url));

        Assert.Equal(path, parsed.Server.Path);
        Assert.Equal(name, parsed.ExportName);
        Assert.False(parsed.Tls);
    }

    [Theory]
    [InlineData("nbd:storage.example:10809", "storage.example", 10809, "")]
    [InlineData("nbd:10.0.0.1:1:exportname=a:b", "10.0.0.1", 1, "a:b")]
    [InlineData("nbd:::1:10809", "::1", 10809, "")]
    [InlineData("nbd:[::1]:65535:exportname=x", "::1", 65535, "x")]
    [InlineData("nbd://storage.example", "storage.example", 10809, "")]
    [InlineData("nbd://storage.example/", "storage.example", 10809, "")]
    [InlineData("nbd://10.0.0.1:1234/a/b%3Ac", "10.0.0.1", 1234, "a/b:c")]
    [InlineData("nbd://[::1]//abs", "::1", 10809, "/abs")]
    [InlineData("nbd://[fe80::1]:9/", "fe80::1", 9, "")]
    [InlineData("nbd://h/%C3%A4", "h", 10809, "ä")]
    public void Hosts_are_named_by_name_or_address_port_and_export(string url, string host, int port, string name)
    {
        NbdUrl parsed = NbdUrl.Parse(ImageUrl.Parse(url));

        Assert.Equal(host, parsed.Server.Host);
        Assert.Equal(port, parsed.Server.Port);
        Assert.Equal(name, parsed.ExportName);
        Assert.False(parsed.Tls);
    }

    [Theory]
    [InlineData("nbds://storage.example/x", "storage.example")]
    [InlineData("nbds://[::1]:99/x", "::1")]
    [InlineData("nbds+unix:///x?socket=/s", "localhost")]
    [InlineData("nbds+unix:///x?tls-hostname=storage.example&socket=/s", "storage.example")]
    public void Nbds_is_encrypted_and_checks_the_name_of_the_server(string url, string hostName)
    {
        NbdUrl parsed = NbdUrl.Parse(ImageUrl.Parse(url));

        Assert.True(parsed.Tls);
        Assert.Equal(hostName, parsed.TlsHostName);
    }

    public static TheoryData<string> Wrong =>
    [
        "nbd:", "nbd:unix:", "nbd:unix:relative", "nbd:unix:/s:", "nbd:unix:/s:name=x", "nbd:unix:/s:exportname",
        "nbd:host",
        "nbd:host:", "nbd:host:0", "nbd:host:65536", "nbd:host:-1", "nbd:host:+1", "nbd:host:http", "nbd::10809",
        "nbd:ho st:10809", "nbd:1:2:10809", "nbd:host:1:name=x", "nbd:/run/s", "nbd://", "nbd:///x", "nbd://host:/x",
        "nbd://host:x/", "nbd://user@host/x", "nbd://host/x?socket=/s", "nbd://host/x?tls-hostname=h", "nbd://host/x#y",
        "nbd://host/%zz", "nbd://host/%0", "nbd://host/%00", "nbd://host/%ff", "nbd://host/x?a", "nbd+unix:/x",
        "nbd+unix:///x",
        "nbd+unix://host/x?socket=/s", "nbd+unix:///x?socket=s", "nbd+unix:///x?socket=",
        "nbd+unix:///x?socket=/s&socket=/t",
        "nbd+unix:///x?socket=/s&tls-hostname=h", "nbd+unix:///x?socket=/s&export=y", "nbds:unix:/s", "nbds:host:1",
        "nbds://host/x?tls-hostname=other", "nbd:unix:/s:exportname=" + new string('x', 4097),
        "nbd://host/" + new string('ä', 2049),
    ];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_of_no_form_is_refused(string url) =>
        Assert.Throws<FormatException>(() => NbdUrl.Parse(ImageUrl.Parse(url)));

    [Fact]
    public void The_longest_name_is_4096_bytes()
    {
        string name = new('ä', 2048);
        Assert.Equal(name, NbdUrl.Parse(ImageUrl.Parse($"nbd:unix:/s:exportname={name}")).ExportName);
    }

    [Fact]
    public async Task A_wrong_url_makes_the_image_unavailable_and_says_what_is_wrong()
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => NbdClient.OpenAsync(ImageUrl.Parse("nbd:unix:/s:name=x")));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Equal(
            "nbd:unix:/s:name=x cannot be opened: only :exportname=NAME may follow the path of the socket", e.Message);
    }

    [Fact]
    public void Any_name_and_path_survive_percent_encoding() =>
        Gen.Select(
            Gen.String[1, 40], Gen.String[1, 40]).Where(pair => IsText(pair.Item1) && IsText(pair.Item2)).Sample(pair =>
        {
            string url = $"nbd+unix:///{Uri.EscapeDataString(pair.Item1)}?socket=/{Uri.EscapeDataString(pair.Item2)}";
            NbdUrl parsed = NbdUrl.Parse(ImageUrl.Parse(url));
            Assert.Equal(pair.Item1, parsed.ExportName);
            Assert.Equal($"/{pair.Item2}", parsed.Server.Path);
        });

    private static bool IsText(string text) =>
        !text.Contains('\0', StringComparison.Ordinal) && !text.Any(char.IsSurrogate);
}
