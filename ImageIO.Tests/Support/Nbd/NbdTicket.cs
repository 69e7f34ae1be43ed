using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ImageIO.Core.Backends;

namespace ImageIO.Tests.Support.Nbd;

/// <summary>A ticket for an export on a daemon, and a client's requests with it over one connection.</summary>
internal sealed class NbdTicket
{
    private readonly DaemonFixture _daemon;
    private readonly HttpClient _client;

    private NbdTicket(DaemonFixture daemon, string id)
    {
        _daemon = daemon;
        _client = daemon.Remote;
        Id = id;
    }

    public string Id { get; }

    public string Path => $"/images/{Id}";

    public static async Task<NbdTicket> InstallAsync(
        DaemonFixture daemon, ImageUrl url, long size, string op = "write", bool dirty = false, bool sparse = false)
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, "", size, op)
            .With("url", url.Text).With("dirty", dirty).With("sparse", sparse));
        return new NbdTicket(daemon, id);
    }

    public async Task<byte[]> GetAsync(long start, long length)
    {
        using HttpResponseMessage response = await SendGetAsync(start, length);
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        return await response.Content.ReadAsByteArrayAsync();
    }

    /// <summary>Compares the image from an offset on, as a client reads it.</summary>
    public async Task AssertHoldsAsync(long start, byte[] expected, string what)
    {
        byte[] actual = await GetAsync(start, expected.Length);
        Bytes.AssertEqual(expected, actual, what);
    }

    public Task<byte[]> GetAllAsync() => _client.GetByteArrayAsync(Path);

    public async Task<HttpStatusCode> TryGetAsync(long start, long length)
    {
        using HttpResponseMessage response = await SendGetAsync(start, length);
        return response.StatusCode;
    }

    public async Task<HttpStatusCode> PutAsync(long start, byte[] bytes, bool flush = true)
    {
        using var content = new ByteArrayContent(bytes);
        content.Headers.ContentRange = new ContentRangeHeaderValue(start, start + bytes.Length - 1);
        using HttpResponseMessage response = await _client.PutAsync($"{Path}?flush={(flush ? "y" : "n")}", content);
        return response.StatusCode;
    }

    public async Task<HttpStatusCode> ZeroAsync(long start, long length, bool flush = false) =>
        await PatchAsync(
            $$"""{"op": "zero", "offset": {{start}}, "size": {{length}}, "flush": {{(flush ? "true" : "false")}}}""");

    public Task<HttpStatusCode> FlushAsync() => PatchAsync("""{"op": "flush"}""");

    public async Task<JsonArray> ExtentsAsync(string context = "zero") =>
        JsonNode.Parse(await _client.GetStringAsync($"{Path}/extents?context={context}"))!.AsArray();

    public async Task<HttpStatusCode> TryExtentsAsync(string context)
    {
        using HttpResponseMessage response = await _client.GetAsync($"{Path}/extents?context={context}");
        return response.StatusCode;
    }

    public async Task<JsonObject> OptionsAsync()
    {
        using HttpResponseMessage response = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Options, Path));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject();
    }

    public async Task<HttpStatusCode> DeleteAsync()
    {
        using HttpResponseMessage response = await _daemon.Control.DeleteAsync($"/tickets/{Id}");
        return response.StatusCode;
    }

    private async Task<HttpResponseMessage> SendGetAsync(long start, long length)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Path);
        request.Headers.Range = new RangeHeaderValue(start, start + length - 1);
        return await _client.SendAsync(request);
    }

    private async Task<HttpStatusCode> PatchAsync(string body)
    {
        using HttpResponseMessage response = await _client.PatchAsync(
            Path, new StringContent(body, Encoding.UTF8, "application/json"));
        return response.StatusCode;
    }
}
