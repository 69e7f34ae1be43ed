using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>Which service has which resource, and what is checked first (daemon-api sections 1 and 2).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class RequestOrderTests(RunningDaemon daemon)
{
    [Theory(Timeout = 20_000)]
    [InlineData("local", "FETCH", "/images/none", 405)]
    [InlineData("local", "FETCH", "/none", 405)]
    [InlineData("local", "get", "/none", 405)]
    [InlineData("local", "GET", "/none", 404)]
    [InlineData("local", "GET", "/", 404)]
    [InlineData("local", "GET", "/images", 404)]
    [InlineData("local", "GET", "/imagesx", 404)]
    [InlineData("local", "POST", "/none", 404)]
    [InlineData("local", "POST", "/images/none", 405)]
    [InlineData("local", "POST", "/images/", 405)]
    [InlineData("local", "DELETE", "/images/none", 405)]
    [InlineData("local", "GET", "/info/", 404)]
    [InlineData("local", "GET", "/tickets/none", 404)]
    [InlineData("remote", "GET", "/tickets/none", 404)]
    [InlineData("remote", "PUT", "/tickets/none", 404)]
    [InlineData("remote", "GET", "/info", 404)]
    [InlineData("remote", "PUT", "/info/", 405)]
    [InlineData("remote", "GET", "/info/", 200)]
    [InlineData("remote", "GET", "/metrics", 404)]
    [InlineData("local", "GET", "/metrics", 404)]
    [InlineData("remote", "GET", "/health/live", 404)]
    [InlineData("local", "GET", "/health/ready", 404)]
    [InlineData("control", "GET", "/images/none", 404)]
    [InlineData("control", "GET", "/info/", 404)]
    [InlineData("control", "POST", "/tickets/none", 405)]
    [InlineData("control", "HEAD", "/tickets/none", 405)]
    [InlineData("control", "GET", "/ticketsx", 404)]
    [InlineData("control", "PUT", "/ticketsx", 404)]
    [InlineData("control", "GET", "/tickets", 200)]
    [InlineData("control", "DELETE", "/tickets", 405)]
    [InlineData("control", "OPTIONS", "/tickets/none", 405)]
    [InlineData("control", "PUT", "/metrics", 405)]
    [InlineData("control", "HEAD", "/metrics", 405)]
    [InlineData("control", "GET", "/metrics/", 404)]
    [InlineData("control", "POST", "/health/live", 405)]
    [InlineData("control", "GET", "/health", 404)]
    public async Task Method_then_path_then_the_resources_methods_are_checked(
        string service, string method, string path, int status)
    {
        using RawClient client = await ConnectAsync(service);

        await client.RequestAsync(method, path);
        RawResponse response = await client.ReceiveAsync(hasBody: method != "HEAD");

        Assert.Equal(status, response.Status);
        Assert.Null(response.Header("connection"));
        if (status >= 400 && method != "HEAD")
        {
            response.AssertIsError(status);
        }
    }

    // Issue 15, D24: addresses joined by hand.
    [Theory(Timeout = 20_000)]
    [InlineData("remote", "//info/", 200)]
    [InlineData("remote", "///info/", 200)]
    [InlineData("remote", "http://h//info/", 200)]
    [InlineData("remote", "//images/none", 403)]
    [InlineData("local", "//images/none/extents", 403)]
    [InlineData("control", "//tickets", 200)]
    [InlineData("control", "///health/live", 200)]
    [InlineData("control", "//", 404)]
    [InlineData("control", "//?x", 404)]
    [InlineData("remote", "/x//info/", 404)]
    public async Task Several_slashes_at_the_beginning_count_as_one(string service, string path, int status)
    {
        using RawClient client = await ConnectAsync(service);

        await client.RequestAsync("GET", path);

        Assert.Equal(status, (await client.ReceiveAsync()).Status);
    }

    // Issue 15, D24.
    [Theory(Timeout = 20_000)]
    [InlineData("/images/none/extent", true)]
    [InlineData("//images/none/extent", true)]
    [InlineData("/images/none/", true)]
    [InlineData("/images/none/extents", true)]
    [InlineData("/images/none", false)]
    public async Task Refusal_below_an_image_names_the_resources_that_there_are(string path, bool isBelow)
    {
        using RawClient client = await ConnectAsync("local");

        await client.RequestAsync("GET", path);
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(403);
        Assert.Equal(
            isBelow, response.Text.Contains("/extents, /checksum and /checksum/algorithms", StringComparison.Ordinal));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "/images/", 400)]
    [InlineData("PUT", "/images/", 400)]
    [InlineData("PATCH", "/images/", 400)]
    [InlineData("OPTIONS", "/images/", 400)]
    [InlineData("GET", "/images/?close=y", 400)]
    [InlineData("GET", "/images//extents", 400)]
    [InlineData("GET", "/images//checksum", 400)]
    [InlineData("GET", "/images//checksum?algorithm=none", 400)]
    [InlineData("GET", "/images//checksum/algorithms", 400)]
    [InlineData("GET", "/images/no/such/ticket", 403)]
    [InlineData("GET", "/images//", 403)]
    [InlineData("GET", "/images/no%2Fsuch", 403)]
    [InlineData("GET", "/images/%C3%A9", 403)]
    [InlineData("GET", "/images/%zz", 403)]
    [InlineData("GET", "/images/%ff", 403)]
    [InlineData("GET", "/images/.", 403)]
    [InlineData("GET", "/images/../images/", 403)]
    [InlineData("GET", "/images/%2e%2e/info/", 403)]
    [InlineData("GET", "/images/extents", 403)]
    public async Task Ticket_id_must_be_there_and_may_be_anything_else(string method, string path, int status)
    {
        using RawClient client = await ConnectAsync("local");

        await client.RequestAsync(method, path);
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(status);
        Assert.Equal(status == 403 ? "close" : null, response.Header("connection"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    public async Task Ticket_id_missing_on_control_is_400(string method)
    {
        using RawClient client = await ConnectAsync("control");

        await client.RequestAsync(method, "/tickets/", "Content-Length: 0");

        (await client.ReceiveAsync()).AssertIsError(400);
    }

    [Fact(Timeout = 20_000)]
    public async Task Percent_encoding_of_a_ticket_id_is_decoded()
    {
        byte[] content = TestImage.Random(1000);
        await daemon.InstallAsync(TicketBody.For("spaced id é", daemon.Files.CreateImage(content), 1000, "read")
            .With("transfer_id", "percent"));

        Assert.Equal(content, await daemon.Local.GetByteArrayAsync("/images/spaced%20%69d%20%C3%A9"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("", "octets")]
    [InlineData("/extents", "[{\"start\":0,")]
    [InlineData("/extents/of/it", "[{\"start\":0,")]
    [InlineData("/extents/checksum", "[{\"start\":0,")]
    [InlineData("/extents?context=zero", "[{\"start\":0,")]
    [InlineData("/checksum", "{\"algorithm\":")]
    [InlineData("/checksums", "{\"algorithm\":")]
    [InlineData("/checksum/algorithms", "{\"algorithms\":")]
    [InlineData("/checksum/algorithms/", "{\"algorithms\":")]
    public async Task Paths_are_matched_by_prefix_in_order(string rest, string answer)
    {
        TestImage image = await daemon.AddImageAsync("octets"u8.ToArray(), "read");

        Assert.StartsWith(answer, await daemon.Local.GetStringAsync(image.Url + rest), StringComparison.Ordinal);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("a/b", "/images/a/b")]
    [InlineData("a/b", "/images/a%2Fb")]
    [InlineData("a/b", "/images/a%2fb")]
    [InlineData("100%", "/images/100%25")]
    [InlineData("100%", "/images/100%")]
    [InlineData("what?", "/images/what%3F")]
    [InlineData("a+b", "/images/a+b")]
    [InlineData("a+b", "/images/a%2Bb")]
    public async Task Id_is_the_rest_of_the_path_decoded_once(string id, string path)
    {
        await daemon.InstallAsync(TicketBody.For(id, daemon.Files.CreateImage([7, 8]), 2, "read"));
        using RawClient client = await ConnectAsync("local");
        using RawClient manager = await ConnectAsync("control");

        await client.RequestAsync("GET", path);
        await manager.RequestAsync("GET", path.Replace("/images/", "/tickets/", StringComparison.Ordinal));

        Assert.Equal([7, 8], (await client.ReceiveAsync()).Body);
        Assert.Equal(200, (await manager.ReceiveAsync()).Status);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("local", "http://host.example:54322/images/none", 403)]
    [InlineData("local", "http://host.example/images/", 400)]
    [InlineData("local", "http://host.example", 404)]
    [InlineData("remote", "https://host.example/info/?a=b", 200)]
    [InlineData("control", "http://localhost/tickets/none", 404)]
    [InlineData("control", "http://localhost/tickets", 200)]
    public async Task Target_in_absolute_form_is_served_whatever_the_host_header(
        string service, string target, int status)
    {
        using RawClient client = await ConnectAsync(service);

        await client.RequestAsync("GET", target);

        Assert.Equal(status, (await client.ReceiveAsync()).Status);
    }

    private Task<RawClient> ConnectAsync(string service) => service switch
    {
        "remote" => RawClient.ConnectTlsAsync(daemon),
        "local" => RawClient.ConnectAsync(daemon.Files.LocalSocket),
        _ => RawClient.ConnectAsync(daemon.Files.ControlSocket),
    };
}
