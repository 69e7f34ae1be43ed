using ImageIO.Http.Forwarding;

namespace ImageIO.Tests.Hosting;

/// <summary>URLs of daemons, as managers write them.</summary>
public sealed class UpstreamUrlTests
{
    [Theory]
    [InlineData("https://host.example:54322/images/x", true, "host.example", 54322, "/images/x")]
    [InlineData("https://host.example", true, "host.example", 443, "")]
    [InlineData("http://192.0.2.1/", false, "192.0.2.1", 80, "/")]
    [InlineData("HTTPS://[2001:DB8::1]:1/a%2Fb", true, "2001:db8::1", 1, "/a%2Fb")]
    [InlineData("https://[2001:db8::1]/x", true, "2001:db8::1", 443, "/x")]
    [InlineData("https://:::54322/images/x", true, "::", 54322, "/images/x")]
    [InlineData("https://2001:db8::1:54322/x", true, "2001:db8::1", 54322, "/x")]
    public void Url_is_taken_apart(string text, bool isTls, string host, int port, string path) =>
        Assert.Equal(new UpstreamUrl(isTls, host, port, path), UpstreamUrl.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("ftp://h:1")]
    [InlineData("https:h:1")]
    [InlineData("https://")]
    [InlineData("https:///x")]
    [InlineData("https://:1/x")]
    [InlineData("https://h:0")]
    [InlineData("https://h:65536")]
    [InlineData("https://h:+1")]
    [InlineData("https://h:")]
    [InlineData("https://u@h:1")]
    [InlineData("https://h:1/x?y")]
    [InlineData("https://h:1/x#y")]
    [InlineData("https://h:1/x y")]
    [InlineData("https://h:1/x\r\nHost: z")]
    [InlineData("https://[::1:1")]
    [InlineData("https://[::1]x:1")]
    [InlineData("https://[fe80::1%eth0]:1")]
    public void Url_that_is_none_is_null(string text) => Assert.Null(UpstreamUrl.Parse(text));

    [Fact]
    public void Origin_has_brackets_around_an_IPv6_address() =>
        Assert.Equal("https://[::1]:54322", UpstreamUrl.Parse("https://::1:54322/x")?.Origin);
}
