using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Client;

/// <summary>
/// <c>imageio share</c>, <c>tickets</c> and <c>top</c>: the daemon on this host, without a manager (issue 19, 4).
/// </summary>
[Collection(RunningDaemon.Collection)]
public sealed class ShareTests(RunningDaemon daemon) : IDisposable
{
    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact(Timeout = 60_000)]
    public async Task Shared_file_is_downloaded_by_its_link_and_the_ticket_is_gone_afterwards()
    {
        byte[] content = Bytes.Random(1_000_000);
        string file = _directory.Create("disk.raw", content);
        using ImageioProcess share = ImageioProcess.Start(
            "share", file, "--for", "1m", "--host", "127.0.0.1", "--conf-dir", daemon.Files.Path);
        string url = await LinkAsync(share);

        (int status, _, string errors) = await ImageioProcess.RunAsync(
            "download", url, _directory.File("copy"), "--cafile", daemon.Files.Certificate.CertificateFile);
        (int shared, string output, string shareErrors) = await share.EndAsync();

        Assert.True(status == 0, errors);
        Assert.True(shared == 0, shareErrors);
        Assert.Contains("all was transferred", output, StringComparison.Ordinal);
        Assert.Contains($"/#{Id(url)}\n", output, StringComparison.Ordinal);
        byte[] copied = await File.ReadAllBytesAsync(_directory.File("copy"));
        Bytes.AssertEqual(content, copied, "the copy");
        Assert.DoesNotContain(Id(url), await daemon.Control.GetStringAsync("/tickets"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Share_waits_for_a_client_that_comes_back_for_the_other_half()
    {
        string file = _directory.Create("disk.raw", Bytes.Random(1_000_000));
        using ImageioProcess share = ImageioProcess.Start(
            "share", file, "--for", "1h", "--host", "127.0.0.1", "--conf-dir", daemon.Files.Path);
        string id = Id(await LinkAsync(share));

        await ReadAsync(0, 499_999);
        await Task.Delay(TimeSpan.FromSeconds(1.5)); // three of its looks at the ticket
        await ReadAsync(500_000, 999_999);
        (int status, string output, string errors) = await share.EndAsync();

        Assert.True(status == 0, errors);
        Assert.Contains("all was transferred", output, StringComparison.Ordinal);

        async Task ReadAsync(long first, long last)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/images/{id}");
            request.Headers.Range = new System.Net.Http.Headers.RangeHeaderValue(first, last);
            request.Headers.ConnectionClose = true;
            using HttpResponseMessage response = await daemon.Remote.SendAsync(request);
            Assert.Equal(System.Net.HttpStatusCode.PartialContent, response.StatusCode);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task File_that_does_not_exist_is_shared_for_an_upload_of_a_size_and_the_ticket_removed_by_a_signal()
    {
        string file = _directory.File("new.raw");
        using ImageioProcess share = ImageioProcess.Start(
            "share",
            file, "--write", "--size", "1m", "--for", "1m", "--host", "127.0.0.1", "--conf-dir", daemon.Files.Path);
        string url = await LinkAsync(share);

        JsonObject ticket = await daemon.GetTicketAsync(Id(url));
        share.Signal(Mono.Unix.Native.Signum.SIGTERM);
        (int status, _, _) = await share.EndAsync();

        Assert.Equal(1024 * 1024, ticket["size"]!.GetValue<long>());
        Assert.Equal("""["write"]""", ticket["ops"]!.ToJsonString());
        Assert.Equal(143, status);
        Assert.True(File.Exists(file));
        Assert.DoesNotContain(Id(url), await daemon.Control.GetStringAsync("/tickets"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Tickets_are_listed_shown_added_extended_and_removed()
    {
        string id = Guid.NewGuid().ToString();
        string file = _directory.Create("ticket.json", System.Text.Encoding.UTF8.GetBytes(
            TicketBody.For(id, _directory.Create("image", [1, 2, 3]), 3, "read")
                .With("transfer_id", "nightly").ToJsonString()));

        (int added, _, string errors) = await TicketsAsync("add", file);
        (_, string list, _) = await TicketsAsync("list");
        (_, string show, _) = await TicketsAsync("show", id);
        (int extended, _, _) = await TicketsAsync("extend", id, "2h");
        long expires = (await daemon.GetTicketAsync(id))["expires"]!.GetValue<long>();
        (int top, string view, _) = await ImageioProcess.RunAsync(
            "top", "--count", "1", "--conf-dir", daemon.Files.Path);
        (int removed, _, _) = await TicketsAsync("remove", id);
        (int missing, _, string missingErrors) = await TicketsAsync("show", id);

        Assert.True((added, extended, top, removed, missing) == (0, 0, 0, 0, 1), errors);
        Assert.Contains("nightly", list, StringComparison.Ordinal);
        Assert.DoesNotContain(id, list + view, StringComparison.Ordinal);
        Assert.Equal(id, JsonNode.Parse(show)!["uuid"]!.GetValue<string>());
        Assert.True(expires > Environment.TickCount64 / 1000 + 7000);
        Assert.Contains("nightly", view, StringComparison.Ordinal);
        Assert.Matches("client +storage", view);
        Assert.Matches("client wait +storage wait", list);
        Assert.Contains("404", missingErrors, StringComparison.Ordinal);
    }

    private static string Id(string url) => url.Split('/')[^1];

    private Task<(int Status, string Output, string Errors)> TicketsAsync(params string[] arguments) =>
        ImageioProcess.RunAsync(["tickets", .. arguments, "--conf-dir", daemon.Files.Path]);

    // With the port that the daemon really has: the configuration of tests says any.
    private async Task<string> LinkAsync(ImageioProcess share)
    {
        string line = await share.ReadLineAsync();
        Assert.StartsWith("https://127.0.0.1:", line, StringComparison.Ordinal);
        return $"{daemon.Process.RemoteUrl}/images/{Id(line)}";
    }
}
