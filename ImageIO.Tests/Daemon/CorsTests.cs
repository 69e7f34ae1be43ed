using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>Cross-origin requests (daemon-api section 2).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class CorsTests(RunningDaemon daemon)
{
    private const string Origin = "Origin: https://engine.example.com";

    [Fact(Timeout = 20_000)]
    public async Task Without_cors_headers_in_the_request_the_answer_has_none()
    {
        TestImage image = await daemon.AddImageAsync([1]);

        Assert.DoesNotContain(
            "access-control", (await SendAsync("GET", image.Url)).Head, StringComparison.OrdinalIgnoreCase);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("OPTIONS")]
    public async Task Each_request_header_gets_its_answer_and_any_of_them_a_max_age(string method)
    {
        TestImage image = await daemon.AddImageAsync([1]);

        RawResponse origin = await SendAsync(method, image.Url, Origin);
        RawResponse headers = await SendAsync(method, image.Url, "Access-Control-Request-Headers: content-range");
        RawResponse methods = await SendAsync(method, image.Url, "Access-Control-Request-Method: PUT");
        RawResponse all = await SendAsync(
            method,
            image.Url, Origin, "Access-Control-Request-Headers: content-range", "Access-Control-Request-Method: PUT");

        string allowed = method == "OPTIONS" ? "OPTIONS,GET,PUT" : "*";
        AssertCors(origin, "*", null, null);
        AssertCors(headers, null, "*", null);
        AssertCors(methods, null, null, allowed);
        AssertCors(all, "*", "*", allowed);
        Assert.Equal(200, all.Status);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "/images/unknown", 403)]
    [InlineData("PUT", "/images/unknown", 403)]
    [InlineData("OPTIONS", "/images/unknown", 403)]
    [InlineData("GET", "/images/", 400)]
    [InlineData("GET", "/images/unknown?close=perhaps", 403)]
    public async Task Errors_have_them_too_so_that_a_page_can_read_why(string method, string target, int status)
    {
        RawResponse response = await SendAsync(method, target, Origin, "Access-Control-Request-Method: GET");

        response.AssertIsError(status);
        AssertCors(response, "*", null, method == "OPTIONS" ? "OPTIONS,GET,PUT" : "*");
    }

    [Fact(Timeout = 20_000)]
    public async Task Preflight_of_any_image_and_info_have_them()
    {
        using RawClient client = await RawClient.ConnectTlsAsync(daemon);

        await client.RequestAsync("OPTIONS", "/images/*", Origin, "Access-Control-Request-Method: PUT");
        AssertCors(await client.ReceiveAsync(), "*", null, "OPTIONS,GET,PUT");
        await client.RequestAsync("GET", "/info/", Origin);
        AssertCors(await client.ReceiveAsync(), "*", null, null);
    }

    [Fact(Timeout = 20_000)]
    public async Task Patch_extents_checksum_and_tickets_have_none()
    {
        TestImage image = await daemon.AddImageAsync([1]);
        (string Socket, string Method, string Target)[] others =
        [
            (daemon.Files.LocalSocket, "PATCH", image.Url),
            (daemon.Files.LocalSocket, "GET", $"{image.Url}/extents"),
            (daemon.Files.LocalSocket, "GET", $"{image.Url}/checksum"),
            (daemon.Files.LocalSocket, "GET", $"{image.Url}/checksum/algorithms"),
            (daemon.Files.LocalSocket, "GET", "/unknown"),
            (daemon.Files.ControlSocket, "GET", $"/tickets/{image.Id}"),
        ];

        foreach ((string socket, string method, string target) in others)
        {
            using RawClient client = await RawClient.ConnectAsync(socket);
            await client.RequestAsync(method, target, Origin, "Access-Control-Request-Method: GET");
            RawResponse response = await client.ReceiveAsync();
            Assert.DoesNotContain("access-control", response.Head, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Theory(Timeout = 20_000)]
    [InlineData("https://engine.example.com", "https://engine.example.com")]
    [InlineData("https://other.example.com:8443", "https://other.example.com:8443")]
    [InlineData("https://evil.example.com", null)]
    [InlineData("https://engine.example.com.evil.example", null)]
    [InlineData("null", null)]
    public async Task Allow_origin_narrows_whose_pages_may_come(string origin, string? allowed)
    {
        await using DaemonFixture own = await DaemonFixture.StartAsync(
            "[cors]\nallow_origin = https://engine.example.com https://other.example.com:8443\n");
        TestImage image = await own.AddImageAsync([1]);
        using RawClient client = await RawClient.ConnectAsync(own.Files.LocalSocket);

        await client.RequestAsync("GET", image.Url, $"Origin: {origin}");
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(200, response.Status);
        Assert.Equal(allowed, response.Header("access-control-allow-origin"));
        // Caches must not give one origin's answer to another, whether it was allowed or not.
        Assert.Equal("Origin", response.Header("vary"));
    }

    private static void AssertCors(RawResponse response, string? origin, string? headers, string? methods)
    {
        Assert.Equal(origin, response.Header("access-control-allow-origin"));
        Assert.Equal(headers, response.Header("access-control-allow-headers"));
        Assert.Equal(methods, response.Header("access-control-allow-methods"));
        Assert.Equal("86400", response.Header("access-control-max-age"));
    }

    private async Task<RawResponse> SendAsync(string method, string target, params string[] headers)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync(
            method, target, [.. headers, .. method == "PUT" ? ["Content-Length: 0"] : Array.Empty<string>()]);
        return await client.ReceiveAsync();
    }
}
