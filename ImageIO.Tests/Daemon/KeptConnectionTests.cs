using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>After which answers a connection is closed, and after which it is kept (daemon-api section 2).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class KeptConnectionTests(RunningDaemon daemon)
{
    [Theory(Timeout = 20_000)]
    [InlineData("GET", "/images/none", "", 403)]
    [InlineData("HEAD", "/images/none", "", 403)]
    [InlineData("PUT", "/images/none", "Content-Length: 0", 403)]
    [InlineData("OPTIONS", "/images/none", "", 403)]
    [InlineData("GET", "/images/none/extents", "", 403)]
    [InlineData("PUT", "/images/READ", "Content-Length: 0", 403)]
    [InlineData("GET", "/images/READ?close=y", "", 200)]
    [InlineData("GET", "/images/READ?close=y", "Range: bytes=0-0", 206)]
    [InlineData("HEAD", "/images/READ?close=y", "", 200)]
    [InlineData("PUT", "/images/WRITE?close=y", "Content-Length: 0", 200)]
    [InlineData("GET", "/images/READ", "Connection: close", 200)]
    [InlineData("PUT", "/images/WRITE", "Content-Length: 9", 416)]
    [InlineData("GET", "/images/none/checksum", "Content-Length: 9", 403)]
    public async Task These_answers_close(string method, string target, string header, int status)
    {
        using RawClient client = await RawClient.ConnectTlsAsync(daemon);

        RawResponse response = await AskAsync(client, method, target, header);

        Assert.Equal(status, response.Status);
        Assert.Equal("close", response.Header("connection"));
        await client.AssertClosedAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "/images/READ", "", 200)]
    [InlineData("GET", "/images/READ", "Range: bytes=0-0", 206)]
    [InlineData("GET", "/images/READ?close=y", "Range: bytes=9-", 416)]
    [InlineData("GET", "/images/READ?close=y", "Range: bytes=-1", 416)]
    [InlineData("HEAD", "/images/READ", "Range: bytes=-1", 416)]
    [InlineData("GET", "/images/", "", 400)]
    [InlineData("GET", "/images/MISSING", "", 500)]
    [InlineData("OPTIONS", "/images/READ", "", 200)]
    [InlineData("OPTIONS", "/images/MISSING", "", 500)]
    [InlineData("PUT", "/images/WRITE", "Content-Length: 0", 200)]
    [InlineData("PUT", "/images/WRITE?close=y", "Content-Length: 0\nContent-Range: bytes 9-*/*", 416)]
    [InlineData("PUT", "/images/WRITE", "", 400)]
    [InlineData("PUT", "/images/MISSING", "Content-Length: 0", 500)]
    [InlineData("PATCH", "/images/WRITE", "Content-Length: 0", 400)]
    [InlineData("DELETE", "/images/READ", "", 405)]
    [InlineData("TRACE", "/images/READ", "", 405)]
    [InlineData("GET", "/images/READ/extents", "", 200)]
    [InlineData("GET", "/images/READ/extents?context=dirty", "", 404)]
    [InlineData("GET", "/images/READ/extents?context=x", "", 400)]
    [InlineData("GET", "/images/READ/checksum", "", 200)]
    [InlineData("GET", "/images/none/checksum", "", 403)]
    [InlineData("GET", "/images/none/checksum?algorithm=x", "", 400)]
    [InlineData("GET", "/images/none/checksum/algorithms", "", 200)]
    [InlineData("GET", "/info/", "", 200)]
    [InlineData("PUT", "/info/", "Content-Length: 0", 405)]
    [InlineData("GET", "/none", "", 404)]
    public async Task All_other_answers_keep_the_connection(string method, string target, string header, int status)
    {
        using RawClient client = await RawClient.ConnectTlsAsync(daemon);

        RawResponse response = await AskAsync(client, method, target, header);

        Assert.Equal(status, response.Status);
        Assert.Null(response.Header("connection"));
        await client.AssertOpenAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "/tickets/none", "", 404)]
    [InlineData("GET", "/tickets", "", 200)]
    [InlineData("GET", "/tickets/", "", 400)]
    [InlineData("PUT", "/tickets/x", "Content-Length: 0", 400)]
    [InlineData("PATCH", "/tickets/x", "Content-Length: 0", 400)]
    [InlineData("DELETE", "/tickets/none", "", 204)]
    [InlineData("POST", "/tickets/none", "Content-Length: 0", 405)]
    [InlineData("GET", "/health/live", "", 200)]
    [InlineData("GET", "/none", "", 404)]
    public async Task Control_service_keeps_its_connections(string method, string target, string header, int status)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.ControlSocket);

        await client.RequestAsync(method, target, header.Length == 0 ? [] : [header]);
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(status, response.Status);
        Assert.Null(response.Header("connection"));
        // Every answer says how long it is: managers read it to its end without a time limit.
        Assert.NotNull(response.Header("content-length"));
        await client.AssertOpenAsync();
    }

    private async Task<RawResponse> AskAsync(RawClient client, string method, string target, string header)
    {
        TestImage read = await daemon.AddImageAsync(new byte[8], "read");
        TestImage write = await daemon.AddImageAsync(new byte[8], "write");
        TestImage missing = await daemon.AddImageAsync(new byte[8], "write");
        File.Delete(missing.Path);
        target = target.Replace("READ", read.Id, StringComparison.Ordinal)
            .Replace("WRITE", write.Id, StringComparison.Ordinal).Replace(
                "MISSING", missing.Id, StringComparison.Ordinal);
        await client.RequestAsync(method, target, header.Length == 0 ? [] : [header]);
        return await client.ReceiveAsync(hasBody: method != "HEAD");
    }
}
