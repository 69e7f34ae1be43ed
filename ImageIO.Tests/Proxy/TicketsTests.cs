using System.Net;
using System.Text;
using ImageIO.Core.Tickets;
using ImageIO.Proxy.SignedTickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary><c>/tickets/</c> of the proxy, and what all its answers have.</summary>
public sealed class TicketsTests(ProxyFixture proxy) : IClassFixture<ProxyFixture>
{
    private static readonly DaemonAddress Daemon = new("host.example", 54322);

    [Theory(Timeout = 20_000)]
    [InlineData("/tickets/", SignatureForms.Pkcs1)]
    [InlineData("/tickets/anything", SignatureForms.Pss)]
    [InlineData("/tickets/any/thing?at=all", SignatureForms.Both)]
    public async Task Put_of_a_signed_ticket_is_200_without_a_body_and_installs_it(string path, SignatureForms forms)
    {
        string id = NewId();

        using HttpResponseMessage response = await proxy.Client.PutAsync(path, Body(Sign(id, forms)));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(0, response.Content.Headers.ContentLength);
        Assert.Equal(Daemon, proxy.Tickets.Find(new TicketId(id))?.Daemon);
    }

    [Fact(Timeout = 20_000)]
    public async Task Put_again_replaces_the_ticket()
    {
        string id = NewId();
        string[] signed = [Sign(id),
            proxy.Signer.Sign(Daemon with { Port = 1 }, id, "", TimeSpan.FromMinutes(1), SignatureForms.Both)];

        foreach (string ticket in signed)
        {
            using HttpResponseMessage response = await proxy.Client.PutAsync("/tickets/", Body(ticket));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        Assert.Equal(1, proxy.Tickets.Find(new TicketId(id))?.Daemon.Port);
    }

    [Fact(Timeout = 20_000)]
    public async Task Put_of_a_bad_ticket_is_403_with_the_reason_and_installs_nothing()
    {
        string id = NewId();
        string ticket = Sign(id, SignatureForms.None);

        using HttpResponseMessage response = await proxy.Client.PutAsync("/tickets/", Body(ticket));

        string text = await response.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("The signed ticket is refused: it is not signed\n", text);
        Assert.Equal(text.Length, response.Content.Headers.ContentLength);
        Assert.Null(proxy.Tickets.Find(new TicketId(id)));
    }

    [Fact(Timeout = 20_000)]
    public async Task Put_of_a_plain_ticket_is_403()
    {
        const string Payload = """{"nbf":0,"exp":9999999999,"imaged-uri":"https://h:1","transfer-ticket":"t"}""";

        using HttpResponseMessage response = await proxy.Client.PutAsync("/tickets/", Body(Payload));

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Theory(Timeout = 20_000)]
    [InlineData(1024 * 1024, HttpStatusCode.Forbidden)]
    [InlineData(1024 * 1024 + 1, HttpStatusCode.RequestEntityTooLarge)]
    public async Task Put_of_a_body_that_no_ticket_has_is_refused(int length, HttpStatusCode status)
    {
        using HttpResponseMessage response = await proxy.Client.PutAsync("/tickets/", Body(new string('A', length)));

        Assert.Equal(status, response.StatusCode);
    }

    [Fact(Timeout = 20_000)]
    public async Task Delete_is_204_and_removes_the_ticket_and_again_204_when_there_is_none()
    {
        string id = NewId();
        using HttpResponseMessage put = await proxy.Client.PutAsync("/tickets/", Body(Sign(id)));

        for (int times = 0; times < 2; times++)
        {
            using HttpResponseMessage response = await proxy.Client.DeleteAsync($"/tickets/{id}");
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
            Assert.Null(proxy.Tickets.Find(new TicketId(id)));
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Neither_log_nor_answer_holds_a_ticket_id()
    {
        string id = NewId();
        using HttpResponseMessage put = await proxy.Client.PutAsync("/tickets/", Body(Sign(id)));
        using HttpResponseMessage delete = await proxy.Client.DeleteAsync($"/tickets/{id}");

        Assert.Contains("transfer-1", proxy.Files.ReadLog(), StringComparison.Ordinal);
        Assert.DoesNotContain(id, proxy.Files.ReadLog(), StringComparison.Ordinal);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "/info/", 200)]
    [InlineData("DELETE", "/tickets/unknown", 204)]
    [InlineData("DELETE", "/tickets/", 400)]
    [InlineData("PUT", "/tickets/", 403)]
    [InlineData("GET", "/nothing", 404)]
    [InlineData("GET", "/tickets/", 405)]
    [InlineData("BREW", "/info/", 405)]
    public async Task Every_answer_has_the_headers_for_other_origins(string method, string path, int status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using HttpResponseMessage response = await proxy.Client.SendAsync(request);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(
            [
                "Access-Control-Allow-Headers: Cache-Control, Pragma, Authorization, Content-Type, Content-Length, "
                    + "Content-Range, Range, Session-Id, Content-Digest",
                "Access-Control-Allow-Methods: GET, PUT, PATCH, OPTIONS, POST, DELETE",
                "Access-Control-Allow-Origin: *",
                "Access-Control-Expose-Headers: Authorization, Content-Length, Content-Range, Range, Session-Id",
                "Access-Control-Max-Age: 300",
            ],
            response.Headers
                .Where(header => header.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase))
                .Select(header => $"{header.Key}: {string.Join(", ", header.Value)}")
                .Order(StringComparer.Ordinal));
        Assert.NotNull(response.Content.Headers.ContentLength);
    }

    private static string NewId() => Guid.NewGuid().ToString();

    private static StringContent Body(string text) => new(text, Encoding.ASCII);

    private string Sign(string id, SignatureForms forms = SignatureForms.Both) =>
        proxy.Signer.Sign(Daemon, id, "transfer-1", TimeSpan.FromMinutes(1), forms);
}
