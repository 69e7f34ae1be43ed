using System.Net;
using System.Net.Http.Headers;
using ImageIO.Proxy.SignedTickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>
/// Two proxies that share nothing but the keys of sessions, behind the sample configuration of nginx, which takes them
/// in turn.
/// </summary>
public sealed class ReplicasTests : IAsyncLifetime
{
    private const int Piece = 1024 * 1024;
    private const int Pieces = 4;

    private readonly ProxyFiles _files = new();
    private readonly DaemonFixture _daemon = new();
    private readonly List<ProxyProcess> _proxies = [];

    public async Task InitializeAsync()
    {
        await _daemon.InitializeAsync();
        _files.Trust(_daemon.Files.Certificate);
        // At once: both find an empty directory of keys.
        _proxies.AddRange(await Task.WhenAll(new[] { "first", "second" }.Select(name => ProxyProcess.StartAsync(
            _files,
            name, $"session_key_dir = {_files.PathOf("keys")}\nlog_level = DEBUG", new Dictionary<string, string>()))));
    }

    public async Task DisposeAsync()
    {
        foreach (ProxyProcess proxy in _proxies)
        {
            await proxy.DisposeAsync();
        }

        await _daemon.DisposeAsync();
        _files.Dispose();
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Upload_in_pieces_and_download_of_one_session_go_through_whichever_proxy()
    {
        Skip.If(NginxProcess.Executable is null, "needs nginx");
        await using NginxProcess nginx = await NginxProcess.StartAsync(
            _files.Certificate, [.. _proxies.Select(proxy => proxy.Port)]);
        byte[] content = Bytes.Random(Pieces * Piece);
        TestImage image = await _daemon.AddImageAsync(new byte[content.Length]);
        string session = await BeginAsync(nginx.Client, image);

        for (int piece = 0; piece < Pieces; piece++)
        {
            bool isLast = piece == Pieces - 1;
            using var request = new HttpRequestMessage(
                HttpMethod.Put, $"{image.Url}{(isLast ? "?close=y" : "?flush=n")}")
            {
                Content = new ByteArrayContent(content, piece * Piece, Piece),
            };
            request.Content.Headers.ContentRange = new ContentRangeHeaderValue(
                (long)piece * Piece, ((piece + 1) * (long)Piece) - 1, content.Length);
            request.Headers.Add("Session-Id", session);
            using HttpResponseMessage response = await nginx.Client.SendAsync(request);
            Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        }

        byte[] downloaded = await nginx.Client.GetByteArrayAsync($"{image.Url}?session_id={session}");

        Assert.Equal(content, downloaded);
        Assert.Equal(content, File.ReadAllBytes(image.Path));
        Assert.All(_proxies, proxy => Assert.Equal(Pieces / 2, Count(proxy, "PUT forwarded")));
        Assert.All(_proxies, proxy => Assert.DoesNotContain(session, proxy.ReadLog(), StringComparison.Ordinal));
        Assert.All(_proxies, proxy => Assert.DoesNotContain(image.Id, proxy.ReadLog(), StringComparison.Ordinal));
    }

    [Fact(Timeout = 60_000)]
    public async Task Session_that_was_ended_at_one_proxy_lives_on_at_the_other()
    {
        TestImage image = await _daemon.AddImageAsync(new byte[10]);
        string session = await BeginAsync(_proxies[0].Client, image);

        using HttpResponseMessage deleted = await _proxies[1].Client.DeleteAsync($"/sessions/{session}");
        using HttpResponseMessage gone = await _proxies[1].Client.GetAsync($"{image.Url}?session_id={session}");
        using HttpResponseMessage lives = await _proxies[0].Client.GetAsync($"{image.Url}?session_id={session}");

        Assert.Equal(
            (HttpStatusCode.NoContent, HttpStatusCode.Unauthorized, HttpStatusCode.OK),
            (deleted.StatusCode, gone.StatusCode, lives.StatusCode));
    }

    private static int Count(ProxyProcess proxy, string text) =>
        proxy.ReadLog().Split('\n').Count(line => line.Contains(text, StringComparison.Ordinal));

    private async Task<string> BeginAsync(HttpClient client, TestImage image)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/sessions/");
        request.Headers.TryAddWithoutValidation("Authorization", _files.Signer.Sign(
            new DaemonAddress("127.0.0.1", _daemon.RemotePort),
            image.Id, "transfer-1", TimeSpan.FromMinutes(10), SignatureForms.Pss));
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        return response.Headers.GetValues("Session-Id").Single();
    }
}
