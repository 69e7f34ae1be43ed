using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>The form of a ticket (daemon-api section 3).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class TicketPutTests(RunningDaemon daemon)
{
    private const string AnyPath = "/no/such/image";

    [Theory(Timeout = 20_000)]
    [InlineData("uuid")]
    [InlineData("size")]
    [InlineData("url")]
    [InlineData("ops")]
    [InlineData("timeout")]
    public async Task Missing_key_is_400_and_nothing_is_added(string key)
    {
        string id = Guid.NewGuid().ToString();
        JsonObject ticket = TicketBody.For(id, AnyPath, 1);
        ticket.Remove(key);

        await AssertRefusedAsync(id, ticket.ToJsonString(), key);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("uuid", "1")]
    [InlineData("uuid", "null")]
    [InlineData("uuid", "\"\"")]
    [InlineData("uuid", "\"\\ud800\"")]
    [InlineData("size", "\"1\"")]
    [InlineData("size", "1.0")]
    [InlineData("size", "1e3")]
    [InlineData("size", "-1")]
    [InlineData("size", "true")]
    [InlineData("size", "null")]
    [InlineData("size", "[1]")]
    [InlineData("url", "1")]
    [InlineData("url", "null")]
    [InlineData("url", "\"\"")]
    [InlineData("url", "\"/no/scheme\"")]
    [InlineData("url", "\"foo:///no/such/scheme\"")]
    [InlineData("ops", "\"read\"")]
    [InlineData("ops", "null")]
    [InlineData("ops", "{}")]
    [InlineData("ops", "[1]")]
    [InlineData("ops", "[null]")]
    [InlineData("ops", "[\"write\", \"destroy\"]")]
    [InlineData("ops", "[\"\\ud800\"]")]
    [InlineData("timeout", "\"300\"")]
    [InlineData("timeout", "1.5")]
    [InlineData("timeout", "-1")]
    [InlineData("timeout", "false")]
    [InlineData("timeout", "null")]
    [InlineData("inactivity_timeout", "true")]
    [InlineData("inactivity_timeout", "1.0")]
    [InlineData("inactivity_timeout", "-1")]
    [InlineData("inactivity_timeout", "null")]
    [InlineData("inactivity_timeout", "\"60\"")]
    [InlineData("transfer_id", "1")]
    [InlineData("transfer_id", "null")]
    [InlineData("filename", "1")]
    [InlineData("filename", "null")]
    [InlineData("filename", "\"a\\r\\nSet-Cookie: b\"")]
    [InlineData("sparse", "1")]
    [InlineData("sparse", "null")]
    [InlineData("sparse", "\"true\"")]
    [InlineData("dirty", "0")]
    [InlineData("dirty", "null")]
    public async Task Wrong_value_is_400_and_nothing_is_added(string key, string value)
    {
        string id = Guid.NewGuid().ToString();
        // Not by the object model, which would refuse some of these values itself.
        JsonObject ticket = TicketBody.For(id, AnyPath, 1).With(key, "VALUE");

        await AssertRefusedAsync(id, ticket.ToJsonString().Replace("\"VALUE\"", value, StringComparison.Ordinal), key);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"uuid\"")]
    [InlineData("{'uuid': 1}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("1")]
    [InlineData("\"ticket\"")]
    [InlineData("{} {}")]
    [InlineData("{\"size\": NaN}")]
    public async Task Body_that_is_no_json_object_is_400(string body) => await AssertRefusedAsync("any", body, "JSON");

    [Fact(Timeout = 20_000)]
    public async Task Body_nested_without_end_is_400() =>
        await AssertRefusedAsync("any", new string('[', 500_000), "JSON");

    [Fact(Timeout = 20_000)]
    public async Task Size_of_a_million_digits_is_400_at_once()
    {
        string id = Guid.NewGuid().ToString();
        string ticket = TicketBody.For(id, AnyPath, 4711).ToJsonString()
            .Replace("4711", new string('9', 1_000_000), StringComparison.Ordinal);

        await AssertRefusedAsync(id, ticket, "size");
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Length: 1048577", "", "")]
    [InlineData("Transfer-Encoding: chunked", "100001\n", "\n0\n\n")]
    public async Task Body_over_1_MiB_is_413(string framing, string before, string after)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.ControlSocket);
        await client.RequestAsync("PUT", "/tickets/any", framing);
        await client.SendAsync(before);
        await client.SendAsync(new byte[1024 * 1024 + 1]);
        if (after.Length > 0)
        {
            await client.SendAsync(after);
        }

        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(413);
        Assert.Equal("close", response.Header("connection"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("size", "0")]
    [InlineData("size", "9223372036854775807")]
    [InlineData("size", "9223372036854775808")]
    [InlineData("size", "18446744073709551616")]
    [InlineData("size", "340282366920938463463374607431768211457")]
    [InlineData("timeout", "0")]
    [InlineData("timeout", "9223372036854775807")]
    [InlineData("inactivity_timeout", "120")]
    [InlineData("ops", "[\"read\",\"write\"]")]
    [InlineData("ops", "[\"write\",\"read\"]")]
    [InlineData("ops", "[]")]
    [InlineData("sparse", "true")]
    [InlineData("dirty", "true")]
    [InlineData("transfer_id", "\"transfer é\"")]
    [InlineData("filename", "\"disk \\\"1\\\".raw\"")]
    [InlineData("url", "\"file:/one/slash\"")]
    [InlineData("url", "\"file:///three/slashes\"")]
    [InlineData("url", "\"file:///not%20decoded\"")]
    public async Task Accepted_values_are_reported_exactly(string key, string value)
    {
        string id = Guid.NewGuid().ToString();
        JsonObject ticket = TicketBody.For(id, AnyPath, 1).With(key, JsonNode.Parse(value));
        await daemon.InstallAsync(ticket);

        JsonObject reported = await daemon.GetTicketAsync(id);

        Assert.Equal(JsonNode.Parse(value)!.ToJsonString(), reported[key]!.ToJsonString());
    }

    [Fact(Timeout = 20_000)]
    public async Task Unknown_keys_of_newer_managers_are_ignored()
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, AnyPath, 1).With("newer", new JsonObject { ["key"] = null }));

        Assert.Null((await daemon.GetTicketAsync(id))["newer"]);
    }

    [Fact(Timeout = 20_000)]
    public async Task Ticket_is_stored_under_the_uuid_in_its_body()
    {
        string id = Guid.NewGuid().ToString();
        using HttpResponseMessage response = await daemon.Control.PutAsync(
            "/tickets/another-id", new StringContent(TicketBody.For(id, AnyPath, 1).ToJsonString()));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(id, (await daemon.GetTicketAsync(id))["uuid"]!.GetValue<string>());
        using HttpResponseMessage other = await daemon.Control.GetAsync("/tickets/another-id");
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
    }

    private async Task AssertRefusedAsync(string id, string body, string named)
    {
        using HttpResponseMessage response = await daemon.Control.PutAsync($"/tickets/{id}", new StringContent(body));
        string text = await response.Content.ReadAsStringAsync();
        using HttpResponseMessage asked = await daemon.Control.GetAsync($"/tickets/{id}");

        Assert.True(response.StatusCode == HttpStatusCode.BadRequest, text);
        Assert.Contains(named, text, StringComparison.OrdinalIgnoreCase);
        Assert.True(text.Length < 500 && text.IndexOf('\n', StringComparison.Ordinal) == text.Length - 1, text);
        Assert.Equal(HttpStatusCode.NotFound, asked.StatusCode);
    }
}
