using System.Collections.Concurrent;
using System.Diagnostics;
using ImageIO.Core.Diagnostics;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>Spans of a transfer through proxy and daemon (issue 18, 5).</summary>
public sealed class TraceTests(ProxiedDaemon proxied) : IClassFixture<ProxiedDaemon>
{
    [Fact(Timeout = 30_000)]
    public async Task One_trace_leads_from_the_client_through_both_programs_to_the_operation()
    {
        using var spans = new RecordedSpans();
        TestImage image = await proxied.AddImageAsync(Bytes.Random(100_000));

        using (HttpResponseMessage response = await SendAsync(HttpMethod.Get, image.Url, spans))
        {
            response.EnsureSuccessStatusCode();
            await response.Content.ReadAsByteArrayAsync();
        }

        Activity exchange = await spans.EndedAsync("GET");
        Activity operation = await SpanAsync(
            spans, span => span.DisplayName == "read" && span.GetTagItem("imageio.backend") is "file");
        Activity[] requests = [.. spans.Ended.Where(span => span.DisplayName == "GET /images/ID")];
        Activity atProxy = Assert.Single(requests, span => span.GetTagItem("imageio.service") is "proxy");
        Activity atDaemon = Assert.Single(requests, span => span.GetTagItem("imageio.service") is "remote");
        Assert.Equal(spans.Client, atProxy.ParentSpanId);
        Assert.Equal(ActivityKind.Client, exchange.Kind);
        Assert.Equal(exchange.SpanId, atDaemon.ParentSpanId);
        Assert.Equal(atDaemon.SpanId, operation.ParentSpanId);
        Assert.Equal(200, atProxy.GetTagItem("http.response.status_code"));
        Assert.Equal(100_000L, operation.GetTagItem("imageio.done"));
        Assert.NotNull(operation.GetTagItem(TransferTrace.TransferId));
        Assert.Equal(operation.GetTagItem(TransferTrace.TransferId), atDaemon.GetTagItem(TransferTrace.TransferId));
        Assert.All(spans.Ended, span => AssertIsWithout(image.Id, span));
    }

    [Fact(Timeout = 30_000)]
    public async Task Refused_request_names_its_reason_and_no_id()
    {
        using var spans = new RecordedSpans();
        const string Id = "a-ticket-that-nobody-installed";

        (await SendAsync(HttpMethod.Get, $"/images/{Id}/extents", spans)).Dispose();

        Activity request = await spans.EndedAsync("GET /images/ID/extents");
        Assert.NotNull(request.GetTagItem("error.type"));
        Assert.All(spans.Ended, span => AssertIsWithout(Id, span));
    }

    [Theory(Timeout = 30_000)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b71692033-01", false)]
    [InlineData("not-a-trace", false)]
    public async Task Trace_of_the_client_is_passed_on_although_nobody_listens_here(string traceParent, bool isPassedOn)
    {
        var heads = new ConcurrentQueue<string>();
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async connection =>
        {
            while (true)
            {
                heads.Enqueue(await connection.ReadHeadAsync());
                await connection.SendAsync("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
            }
        });

        await proxy.RequestAsync("GET", ScriptedProxy.Url, $"traceparent: {traceParent}", "tracestate: vendor=1");

        string head = heads.Last();
        Assert.Equal(isPassedOn, head.Contains(
            "\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(isPassedOn, head.Contains("\r\ntracestate: vendor=1\r\n", StringComparison.OrdinalIgnoreCase));
    }

    private static void AssertIsWithout(string secret, Activity span)
    {
        Assert.DoesNotContain(secret, $"{span.DisplayName} {span.StatusDescription}", StringComparison.Ordinal);
        Assert.All(span.TagObjects, tag => Assert.DoesNotContain(secret, $"{tag.Value}", StringComparison.Ordinal));
    }

    private static async Task<Activity> SpanAsync(RecordedSpans spans, Func<Activity, bool> isIt)
    {
        await Eventually.HoldsAsync(() => spans.Ended.Any(isIt), "the span has ended");
        return spans.Ended.First(isIt);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, RecordedSpans spans)
    {
        var request = new HttpRequestMessage(method, path);
        request.Headers.TryAddWithoutValidation("traceparent", spans.TraceParent);
        return await proxied.Client.SendAsync(request);
    }
}
