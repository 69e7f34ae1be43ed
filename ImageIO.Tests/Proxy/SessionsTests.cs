using System.Net;
using ImageIO.Proxy.SignedTickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary><c>/sessions/</c> of the proxy (proxy-api section 2).</summary>
public sealed class SessionsTests(ProxyFixture proxy) : IClassFixture<ProxyFixture>
{
    private static readonly DaemonAddress Daemon = new("host.example", 54322);

    [Theory(Timeout = 20_000)]
    [InlineData("")]
    [InlineData("Bearer ")]
    [InlineData("bearer ")]
    public async Task Post_with_a_signed_ticket_is_200_with_a_session_id_and_no_body(string scheme)
    {
        using HttpResponseMessage response = await PostAsync(scheme + Sign("ticket-1"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(0, response.Content.Headers.ContentLength);
        Assert.Matches("^[A-Za-z0-9_-]{100,600}$", IdOf(response));
    }

    // As long as a header line must at least be able to be (proxy-api section 1).
    [Fact(Timeout = 20_000)]
    public async Task Post_with_a_signed_ticket_of_8_KiB_is_200()
    {
        string ticket = proxy.Files.SignWith(new string('x', 6 * 1024), Daemon, "ticket-1");
        Assert.InRange(ticket.Length, 8 * 1024, 12 * 1024);

        using HttpResponseMessage response = await PostAsync($"Bearer {ticket}");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact(Timeout = 20_000)]
    public async Task Each_session_has_an_id_of_its_own()
    {
        string ticket = Sign("ticket-1");

        Assert.NotEqual(await BeginAsync(ticket), await BeginAsync(ticket));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Session-Id", "")]
    [InlineData("X-Session-Id", "")]
    [InlineData("", "?session_id=")]
    public async Task Post_with_a_session_as_well_gives_the_same_id_again(string header, string query)
    {
        string ticket = Sign("ticket-1");
        string id = await BeginAsync(ticket);

        using HttpResponseMessage response = header.Length > 0
            ? await PostAsync(ticket, "/sessions/", (header, id))
            : await PostAsync(ticket, $"/sessions/{query}{id}");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(id, IdOf(response));
    }

    [Fact(Timeout = 20_000)]
    public async Task Post_without_authorization_is_401()
    {
        using HttpResponseMessage response = await PostAsync(ticket: null);

        await AssertIsUnauthorizedAsync("The Authorization header is missing\n", response);
    }

    [Fact(Timeout = 20_000)]
    public async Task Post_with_a_ticket_that_is_not_believed_is_401_with_the_reason()
    {
        using HttpResponseMessage response = await PostAsync(Sign("ticket-1", SignatureForms.None));

        await AssertIsUnauthorizedAsync("The signed ticket is refused: it is not signed\n", response);
    }

    [Fact(Timeout = 20_000)]
    public async Task Post_with_a_session_of_another_ticket_is_401()
    {
        string id = await BeginAsync(Sign("ticket-1"));

        using HttpResponseMessage response = await PostAsync(Sign("ticket-2"), "/sessions/", ("Session-Id", id));

        await AssertIsUnauthorizedAsync("The session is another ticket's\n", response);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("")]
    [InlineData("unknown")]
    [InlineData(
        "CfDJ8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Post_with_an_unknown_session_is_401(string id)
    {
        using HttpResponseMessage response = await PostAsync(Sign("ticket-1"), "/sessions/", ("Session-Id", id));

        await AssertIsUnauthorizedAsync("The session is unknown or has expired\n", response);
    }

    [Fact(Timeout = 20_000)]
    public async Task Delete_is_204_and_then_the_session_is_unknown()
    {
        string ticket = Sign("ticket-1");
        string id = await BeginAsync(ticket);
        string other = await BeginAsync(ticket);

        using HttpResponseMessage deleted = await proxy.Client.DeleteAsync($"/sessions/{id}");
        using HttpResponseMessage again = await proxy.Client.DeleteAsync($"/sessions/{id}");
        using HttpResponseMessage used = await PostAsync(ticket, "/sessions/", ("Session-Id", id));
        using HttpResponseMessage otherUsed = await PostAsync(ticket, "/sessions/", ("Session-Id", other));

        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, used.StatusCode);
        Assert.Equal(HttpStatusCode.OK, otherUsed.StatusCode);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("/sessions/unknown", 404)]
    [InlineData("/sessions/a/b", 404)]
    [InlineData("/sessions/", 400)]
    public async Task Delete_of_none_says_so(string path, int status)
    {
        using HttpResponseMessage response = await proxy.Client.DeleteAsync(path);

        Assert.Equal(status, (int)response.StatusCode);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("OPTIONS")]
    public async Task Other_methods_are_405(string method)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "/sessions/");
        using HttpResponseMessage response = await proxy.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
    }

    [Fact(Timeout = 20_000)]
    public async Task Neither_log_nor_error_holds_a_session_id_a_ticket_or_a_signature()
    {
        string secret = Guid.NewGuid().ToString();
        string ticket = Sign(secret);
        string id = await BeginAsync(ticket);
        using HttpResponseMessage wrong = await PostAsync(Sign("ticket-2"), "/sessions/", ("Session-Id", id));
        using HttpResponseMessage changed = await PostAsync(ticket, "/sessions/", ("Session-Id", id[..^1]));
        using HttpResponseMessage refused = await PostAsync(ticket[..^8]);
        using HttpResponseMessage deleted = await proxy.Client.DeleteAsync($"/sessions/{id}");
        using HttpResponseMessage none = await proxy.Client.DeleteAsync($"/sessions/{id}");

        string written = proxy.Files.ReadLog()
            + await wrong.Content.ReadAsStringAsync() + await changed.Content.ReadAsStringAsync()
            + await refused.Content.ReadAsStringAsync() + await none.Content.ReadAsStringAsync();
        Assert.Contains(
            "Transfer transfer-1: session begun for https://host.example:54322", written, StringComparison.Ordinal);
        Assert.Contains("Transfer transfer-1: session ended", written, StringComparison.Ordinal);
        Assert.All([secret, id, id[..^1], ticket, ticket[..40], ticket[^40..]], text =>
            Assert.DoesNotContain(text, written, StringComparison.Ordinal));
    }

    private static string IdOf(HttpResponseMessage response) => response.Headers.GetValues("Session-Id").Single();

    private static async Task AssertIsUnauthorizedAsync(string text, HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal(text, await response.Content.ReadAsStringAsync());
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
        Assert.Equal("*", response.Headers.GetValues("Access-Control-Allow-Origin").Single());
    }

    private async Task<string> BeginAsync(string ticket)
    {
        using HttpResponseMessage response = await PostAsync(ticket);
        return IdOf(response);
    }

    private async Task<HttpResponseMessage> PostAsync(
        string? ticket, string path = "/sessions/", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        if (ticket is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", ticket);
        }

        foreach ((string name, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await proxy.Client.SendAsync(request);
    }

    private string Sign(string id, SignatureForms forms = SignatureForms.Both) =>
        proxy.Signer.Sign(Daemon, id, "transfer-1", TimeSpan.FromMinutes(1), forms);
}
