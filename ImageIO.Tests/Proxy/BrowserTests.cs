using System.Globalization;
using System.Net;
using ImageIO.Proxy.SignedTickets;
using ImageIO.Tests.Support;
using Microsoft.Playwright;

namespace ImageIO.Tests.Proxy;

/// <summary>
/// The manager's web page in a real browser (proxy-api section 4): a page of another origin tests the connection,
/// uploads a file in pieces, with a pause and a piece that fails, and downloads it by navigation.
/// </summary>
[Trait("Needs", "Chromium")]
[Trait("Speed", "Slow")]
public sealed class BrowserTests : IAsyncLifetime
{
    private const int Mebibyte = 1024 * 1024;
    private const int Pieces = 3;

    // The manager's page sends 100 MiB at a time, as `make browser` does. Less is enough to see that all fits together.
    private static readonly long PieceSize = Mebibyte
        * long.Parse(
            Environment.GetEnvironmentVariable("IMAGEIO_BROWSER_PIECE_MIB") ?? "10", CultureInfo.InvariantCulture);

    private static readonly long ImageSize = Pieces * PieceSize;

    private readonly ProxyFiles _files = new();
    private readonly DaemonFixture _daemon = new();
    private readonly ImageDirectory _images = new();
    private ProxyProcess _proxy = null!;

    public async Task InitializeAsync()
    {
        await _daemon.InitializeAsync();
        _files.Trust(_daemon.Files.Certificate);
        _proxy = await ProxyProcess.StartAsync(_files);
    }

    public async Task DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _daemon.DisposeAsync();
        _images.Dispose();
        _files.Dispose();
    }

    [SkippableFact(Timeout = 180_000)]
    public async Task Page_of_another_origin_uploads_an_image_in_pieces_and_downloads_it_by_navigation()
    {
        Skip.If(Browser.Executable is null, "needs chromium");
        string source = CreateSource();
        var image = new TestImage(Guid.NewGuid().ToString(), _daemon.Files.CreateSparseImage(ImageSize));
        await _daemon.InstallAsync(
            TicketBody.For(image.Id, image.Path, ImageSize).With("filename", "disk ä.raw").With("sparse", true));
        using HttpResponseMessage installed = await _proxy.Client.PutAsync(
            "/tickets/", new StringContent(_files.Signer.Sign(
            new DaemonAddress("127.0.0.1", _daemon.RemotePort),
            image.Id, "transfer-1", TimeSpan.FromMinutes(10), SignatureForms.Pss)));
        Assert.Equal(HttpStatusCode.OK, installed.StatusCode);
        await using Browser browser = await Browser.StartAsync();
        IPage page = await browser.OpenAsync(UploadPage);
        string proxy = $"https://127.0.0.1:{_proxy.Port}";
        string url = proxy + image.Url;

        Assert.Contains("version", await page.EvaluateAsync<string>(
            "url => test(url)", $"{proxy}/info/"), StringComparison.Ordinal);
        await page.SetInputFilesAsync("#file", source);
        Assert.Equal(200, await UploadAsync(page, url, piece: 0));
        // The manager's page pauses between pieces: nothing is open, and nothing is lost.
        Assert.Equal(ImageSize, (await _daemon.GetTicketAsync(image.Id))["size"]!.GetValue<long>());
        // The second breaks off in the middle, and is sent again.
        Assert.Equal(0, await UploadAsync(page, url, piece: 1, stopAfter: 1));
        Assert.Equal(200, await UploadAsync(page, url, piece: 1));
        Assert.Equal(200, await UploadAsync(page, url, piece: 2));
        IDownload download = await page.RunAndWaitForDownloadAsync(
            () => page.EvaluateAsync("url => { location.href = url }", url));
        string downloaded = _images.File("downloaded");
        await download.SaveAsAsync(downloaded);

        Assert.Equal("disk ä.raw", download.SuggestedFilename);
        await AssertSameAsync(source, image.Path);
        await AssertSameAsync(source, downloaded);
    }

    // A mebibyte of noise in each ten, and another in each place: a piece in a wrong place differs.
    private string CreateSource()
    {
        string path = _images.File("source");
        using FileStream file = File.Create(path);
        file.SetLength(ImageSize);
        for (long at = 0; at < ImageSize; at += 10 * Mebibyte)
        {
            RandomAccess.Write(file.SafeFileHandle, Bytes.Random(Mebibyte), at);
        }

        return path;
    }

    // The status; 0 when it was broken off after so many bytes.
    private static async Task<int> UploadAsync(IPage page, string url, int piece, long stopAfter = 0) =>
        await page.EvaluateAsync<int>(
        "args => upload(args)",
        new { url, at = piece * PieceSize, size = PieceSize, stopAfter, last = piece == Pieces - 1 });

    private static async Task AssertSameAsync(string expected, string actual)
    {
        await using FileStream one = File.OpenRead(expected);
        await using FileStream other = File.OpenRead(actual);
        Assert.Equal(one.Length, other.Length);
        byte[] ours = new byte[Mebibyte];
        byte[] theirs = new byte[ours.Length];
        for (int length; (length = await one.ReadAtLeastAsync(ours, ours.Length, throwOnEndOfStream: false)) > 0;)
        {
            await other.ReadExactlyAsync(theirs.AsMemory(0, length));
            Assert.True(
                ours.AsSpan(0, length).SequenceEqual(theirs.AsSpan(0, length)), $"It differs before {one.Position}");
        }
    }

    // The code of the manager's page without its looks. The answer to an aborted piece is 0.
    private const string UploadPage = """
        <!doctype html><title>manager</title><input type="file" id="file">
        <script>
        async function test(url) {
            return await (await fetch(url)).text();
        }
        function upload({url, at, size, stopAfter, last}) {
            const file = document.getElementById('file').files[0];
            const end = Math.min(at + size, file.size);
            return new Promise(resolve => {
                const request = new XMLHttpRequest();
                request.open('PUT', url + '?flush=n' + (last ? '&close=y' : ''));
                request.setRequestHeader('Cache-Control', 'no-cache');
                request.setRequestHeader('Pragma', 'no-cache');
                request.setRequestHeader('Content-Type', 'application/octet-stream');
                request.setRequestHeader('Content-Range', `bytes ${at}-${end - 1}/${file.size}`);
                request.upload.onprogress = event => {
                    if (stopAfter && event.loaded >= stopAfter) request.abort();
                };
                request.onloadend = () => resolve(request.status);
                request.send(file.slice(at, end));
            });
        }
        </script>
        """;
}
