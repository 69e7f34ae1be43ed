using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using ImageIO.Page;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Page;

/// <summary>How daemon and proxy serve the page's files (web.md section 1).</summary>
[Collection(PageFixture.Collection)]
public sealed partial class PageServingTests(PageFixture fixture)
{
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        + "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private HttpClient Client => fixture.Daemon.Remote;

    [SkippableFact(Timeout = 20_000)]
    public async Task Page_and_all_that_it_names_are_there_with_the_headers_that_protect_it()
    {
        string page = await Client.GetStringAsync("/");
        string[] named = [.. Named().Matches(page).Select(match => match.Groups[1].Value)];

        Assert.Equal(PageFiles.Load().Others.Keys.Order(), named.Select(Path.GetFileName).Distinct().Order()!);
        foreach (string path in named.Append("/"))
        {
            using HttpResponseMessage response = await Client.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(Policy, Header(response, "Content-Security-Policy"));
            Assert.Equal("no-referrer", Header(response, "Referrer-Policy"));
            Assert.Equal("nosniff", Header(response, "X-Content-Type-Options"));
            Assert.Equal("same-origin", Header(response, "Cross-Origin-Opener-Policy"));
            Assert.Equal(
                response.Content.Headers.ContentLength, (await response.Content.ReadAsByteArrayAsync()).Length);
        }
    }

    [SkippableFact(Timeout = 20_000)]
    public async Task What_a_browser_has_already_is_not_sent_again()
    {
        using HttpResponseMessage first = await Client.GetAsync("/");
        var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using HttpResponseMessage second = await Client.SendAsync(request);
        var other = new HttpRequestMessage(HttpMethod.Get, "/");
        other.Headers.IfNoneMatch.Add(new EntityTagHeaderValue("\"other\""));
        using HttpResponseMessage third = await Client.SendAsync(other);

        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        Assert.Empty(await second.Content.ReadAsByteArrayAsync());
        Assert.Equal(HttpStatusCode.OK, third.StatusCode);
    }

    [SkippableFact(Timeout = 20_000)]
    public async Task Page_is_asked_for_each_time_and_what_it_names_is_kept_for_ever()
    {
        using HttpResponseMessage page = await Client.GetAsync("/");
        string script = Named().Matches(await page.Content.ReadAsStringAsync()).Select(match => match.Groups[1].Value)
            .First(path => path.EndsWith("main.js", StringComparison.Ordinal));
        using HttpResponseMessage kept = await Client.GetAsync(script);

        Assert.Equal("no-cache", Header(page, "Cache-Control"));
        Assert.Equal("public, max-age=31536000, immutable", Header(kept, "Cache-Control"));
        Assert.Matches("^/page/[0-9a-f]{16}/main.js$", script);
    }

    [SkippableTheory(Timeout = 20_000)]
    [InlineData("GET", "/index.html", 404)]
    [InlineData("GET", "/page/", 404)]
    [InlineData("GET", "/page/0123456789abcdef/main.js", 404)]
    [InlineData("GET", "{folder}none.js", 404)]
    [InlineData("GET", "{folder}index.html", 404)]
    [InlineData("GET", "{folder}", 404)]
    [InlineData("HEAD", "/", 200)]
    [InlineData("HEAD", "{folder}main.js", 200)]
    [InlineData("POST", "/", 405)]
    [InlineData("OPTIONS", "/", 405)]
    [InlineData("POST", "/other", 404)]
    [InlineData("PUT", "{folder}main.js", 405)]
    public async Task Nothing_else_has_changed(string method, string path, int status)
    {
        var request = new HttpRequestMessage(
            new HttpMethod(method), path.Replace("{folder}", PageFiles.Load().Folder, StringComparison.Ordinal));

        using HttpResponseMessage response = await Client.SendAsync(request);

        Assert.Equal(status, (int)response.StatusCode);
    }

    [SkippableFact(Timeout = 20_000)]
    public async Task Daemon_without_the_page_has_no_such_resource()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync("[page]\nenable = false");

        using HttpResponseMessage page = await daemon.Remote.GetAsync("/");
        using HttpResponseMessage script = await daemon.Remote.GetAsync(PageFiles.Load().Folder + "main.js");

        Assert.Equal(HttpStatusCode.NotFound, page.StatusCode);
        Assert.Equal("No such resource\n", await page.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NotFound, script.StatusCode);
    }

    [SkippableTheory(Timeout = 20_000)]
    [InlineData("", HttpStatusCode.OK)]
    [InlineData("page_enable = false", HttpStatusCode.NotFound)]
    public async Task Proxy_serves_the_page_unless_it_is_switched_off(string options, HttpStatusCode status)
    {
        await using ProxyFixture proxy = await ProxyFixture.StartAsync(options);

        using HttpResponseMessage page = await proxy.Client.GetAsync("/");
        using HttpResponseMessage script = await proxy.Client.GetAsync(PageFiles.Load().Folder + "main.js");

        Assert.Equal(status, page.StatusCode);
        Assert.Equal(status, script.StatusCode);
    }

    private static string Header(HttpResponseMessage response, string name) =>
        response.Headers.GetValues(name).Single();

    [GeneratedRegex("(?:src|href)=\"([^\"]+)\"")]
    private static partial Regex Named();
}
