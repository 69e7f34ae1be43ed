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
    [InlineData("control", "GET", "/images/none", 404)]
    [InlineData("control", "GET", "/info/", 404)]
    [InlineData("control", "POST", "/tickets/none", 405)]
    [InlineData("control", "HEAD", "/tickets/none", 405)]
    [InlineData("control", "GET", "/ticketsx", 404)]
    [InlineData("control", "PUT", "/ticketsx", 404)]
    [InlineData("control", "GET", "/tickets", 200)]
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

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "/images/", 400)]
    [InlineData("PUT", "/images/", 400)]
    [InlineData("PATCH", "/images/", 400)]
    [InlineData("OPTIONS", "/images/", 400)]
    [InlineData("GET", "/images/?close=y", 400)]
    [InlineData("GET", "/images/no/such/ticket", 403)]
    [InlineData("GET", "/images//", 403)]
    [InlineData("GET", "/images/no%2Fsuch", 403)]
    [InlineData("GET", "/images/%C3%A9", 403)]
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

    private Task<RawClient> ConnectAsync(string service) => service switch
    {
        "remote" => RawClient.ConnectTlsAsync(daemon),
        "local" => RawClient.ConnectAsync(daemon.Files.LocalSocket),
        _ => RawClient.ConnectAsync(daemon.Files.ControlSocket),
    };
}
