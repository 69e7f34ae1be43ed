using System.Text;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>The cost of bodies that are gathered before use (issue 15, B13).</summary>
public sealed class MessageBodyTests(DaemonFixture daemon) : IClassFixture<DaemonFixture>
{
    private const int Largest = RequestBody.LargestMessage;

    private MessageBudget Budget => daemon.Connections.Messages;

    [Fact(Timeout = 60_000)]
    public async Task Announced_bytes_cost_nothing_until_they_come_and_large_bodies_share_a_budget()
    {
        TestImage image = await daemon.AddImageAsync(new byte[4096]);
        var clients = new List<RawClient>();
        for (int i = 0; i < 20; i++)
        {
            clients.Add(await RawClient.ConnectAsync(daemon.Files.LocalSocket));
            await clients[i].RequestAsync("PATCH", image.Url, $"Content-Length: {Largest}");
            await clients[i].SendAsync(new string(' ', 10_000));
        }

        await Eventually.HoldsAsync(() => daemon.Connections.RunningRequests(["local"]) == 20, "all have begun");
        Assert.Equal(0, Budget.Taken);

        // There is room for eight of the largest. The others are refused, and their connections end with unread bodies.
        byte[] rest = Encoding.ASCII.GetBytes("{\"op\": \"flush\"}".PadLeft(Largest - 10_000));
        for (int i = 0; i < 8; i++)
        {
            await clients[i].SendAsync(rest[..^1]);
        }

        await Eventually.HoldsAsync(() => Budget.Taken > 7 * Largest, "eight are gathered");
        RawResponse refused = await SendAndReceiveAsync(clients[8], rest);
        refused.AssertIsError(503);

        // Ordinary bodies do not depend on it.
        using RawClient small = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await small.RequestAsync("PATCH", image.Url, "Content-Length: 14");
        Assert.Equal(200, (await SendAndReceiveAsync(small, "{\"op\":\"flush\"}"u8.ToArray())).Status);
        TestImage added = await daemon.AddImageAsync([1], "read");
        Assert.Equal(0, (await daemon.GetTicketAsync(added.Id))["connections"]!.GetValue<int>());

        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(200, (await SendAndReceiveAsync(clients[i], rest[^1..])).Status);
        }

        await Eventually.HoldsAsync(() => Budget.Taken == 0, "all is given back");
        Assert.Equal(200, (await SendAndReceiveAsync(clients[9], rest)).Status);
        clients.ForEach(client => client.Dispose());
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Length: 1000000", "")]
    [InlineData("Transfer-Encoding: chunked", "8000\r\n")]
    public async Task Body_larger_than_any_sensible_one_is_not_gathered_for_a_client_without_a_ticket(
        string framing, string chunk)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PATCH", "/images/none", framing);
        if (chunk.Length > 0)
        {
            await client.SendAsync([.. Encoding.ASCII.GetBytes(chunk), .. new byte[32 * 1024]]);
        }

        (await client.ReceiveAsync()).AssertIsError(403);
        Assert.Equal(0, Budget.Taken);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Length: 9\n\nnonsense.")]
    [InlineData("Transfer-Encoding: chunked\n\n9\nnonsense.\n0\n\n")]
    public async Task Ordinary_body_is_judged_before_the_ticket_as_ever(string framingAndBody)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.SendAsync($"PATCH /images/none HTTP/1.1\n{framingAndBody}");

        (await client.ReceiveAsync()).AssertIsError(400);
    }

    [Fact(Timeout = 20_000)]
    public async Task Body_of_many_small_values_is_not_multiplied_in_memory()
    {
        TestImage image = await daemon.AddImageAsync(new byte[4096]);
        byte[] zeros = Encoding.ASCII.GetBytes(
            $"{{\"op\": \"flush\", \"x\": [0{string.Concat(Enumerable.Repeat(",0", 500_000))}]}}");
        byte[] fields = Encoding.ASCII.GetBytes(
            $"{{\"op\": \"flush\"{string.Concat(Enumerable.Range(0, 1001).Select(i => $",\"{i}\":0"))}}}");
        JsonFields.Parse(zeros);

        long before = GC.GetAllocatedBytesForCurrentThread();
        JsonFields.Parse(zeros);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(allocated, 0, 10_000);
        using HttpResponseMessage many = await daemon.Local.PatchAsync(image.Url, new ByteArrayContent(zeros));
        using HttpResponseMessage tooMany = await daemon.Local.PatchAsync(image.Url, new ByteArrayContent(fields));
        Assert.Equal((200, 400), ((int)many.StatusCode, (int)tooMany.StatusCode));
    }

    private static async Task<RawResponse> SendAndReceiveAsync(RawClient client, byte[] bytes)
    {
        await client.SendAsync(bytes);
        return await client.ReceiveAsync();
    }
}
