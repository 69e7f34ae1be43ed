using System.Net;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>Images by a session instead of a ticket (proxy-api section 2).</summary>
public sealed class ImageSessionsTests(ProxiedDaemon fixture) : IClassFixture<ProxiedDaemon>
{
    [Theory(Timeout = 20_000)]
    [InlineData("Session-Id", "")]
    [InlineData("X-Session-Id", "")]
    [InlineData("", "session_id")]
    public async Task Session_stands_for_its_ticket_wherever_it_is_written(string header, string query)
    {
        byte[] content = Bytes.Random(1000);
        TestImage image = await fixture.Daemon.AddImageAsync(content);
        string session = await BeginAsync(image.Id);

        using HttpResponseMessage response = header.Length > 0
            ? await fixture.SendAsync("GET", image.Url, (header, session))
            : await fixture.SendAsync("GET", $"{image.Url}?{query}={session}");

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, response);
        Assert.Equal(content, await response.Content.ReadAsByteArrayAsync());
    }

    [Fact(Timeout = 20_000)]
    public async Task Session_installs_no_ticket()
    {
        TestImage image = await fixture.Daemon.AddImageAsync(new byte[10]);
        string session = await BeginAsync(image.Id);
        using HttpResponseMessage first = await fixture.SendAsync("GET", image.Url, ("Session-Id", session));

        using HttpResponseMessage without = await fixture.SendAsync("GET", image.Url);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.Unauthorized, without);
    }

    [Fact(Timeout = 20_000)]
    public async Task Session_for_another_image_is_401()
    {
        TestImage image = await fixture.AddImageAsync(new byte[10]);
        string session = await BeginAsync("another");

        using HttpResponseMessage response = await fixture.SendAsync("GET", image.Url, ("Session-Id", session));

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.Unauthorized, response);
    }

    [Fact(Timeout = 20_000)]
    public async Task Unknown_session_is_401_also_where_a_ticket_is_installed_or_brought_along()
    {
        TestImage image = await fixture.AddImageAsync(new byte[10]);

        using HttpResponseMessage installed = await fixture.SendAsync("GET", image.Url, ("Session-Id", "unknown"));
        using HttpResponseMessage brought = await fixture.SendAsync(
            "GET", image.Url, ("X-Session-Id", "unknown"), ("Authorization", fixture.Sign(image.Id)));

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.Unauthorized, installed);
        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.Unauthorized, brought);
    }

    [Fact(Timeout = 20_000)]
    public async Task Preflight_needs_no_session()
    {
        using HttpResponseMessage response = await fixture.SendAsync(
            "OPTIONS", "/images/any",
            ("Origin", "https://engine.example"), ("Access-Control-Request-Method", "PUT"), ("Session-Id", "unknown"));

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, response);
    }

    [Fact(Timeout = 20_000)]
    public async Task No_log_holds_a_session()
    {
        TestImage image = await fixture.Daemon.AddImageAsync(new byte[10]);
        string session = await BeginAsync(image.Id);
        using HttpResponseMessage one = await fixture.SendAsync("GET", $"{image.Url}?session_id={session}");
        using HttpResponseMessage other = await fixture.SendAsync("GET", $"{image.Url}x?session_id={session}");

        Assert.DoesNotContain(session, fixture.Proxy.Files.ReadLog(), StringComparison.Ordinal);
        Assert.DoesNotContain(session, fixture.Daemon.Files.ReadLog(), StringComparison.Ordinal);
        Assert.DoesNotContain(image.Id, fixture.Proxy.Files.ReadLog(), StringComparison.Ordinal);
    }

    private async Task<string> BeginAsync(string id)
    {
        using HttpResponseMessage response = await fixture.SendAsync(
            "POST", "/sessions/", ("Authorization", fixture.Sign(id)));
        return response.Headers.GetValues("Session-Id").Single();
    }
}
