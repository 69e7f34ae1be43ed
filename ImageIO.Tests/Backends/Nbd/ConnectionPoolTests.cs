using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Backends.Nbd;

/// <summary>How many connections an image has, and what becomes of it when they break or hang.</summary>
public sealed class ConnectionPoolTests
{
    private const int Timeout = 30_000;
    private const int Busy = 16;

    [Theory(Timeout = Timeout)]
    [InlineData(true, true, 2)]
    [InlineData(true, false, 1)]
    [InlineData(false, false, 2)]
    public async Task A_further_connection_is_opened_only_when_all_are_busy_and_a_flush_covers_them_all(
        bool write, bool multiConn, int expected)
    {
        var release = new TaskCompletionSource();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(ExportWith(multiConn));
            await (connection.Number == 1 ? release.Task : Task.CompletedTask);
            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url, access: new ImageAccess(write));

        List<Task> reads = [.. Enumerable.Range(0, Busy).Select(i => backend.ReadAsync(i, 1))];
        Assert.Equal(1, server.Connections);
        reads.Add(backend.ReadAsync(Busy, 1));
        if (expected == 2)
        {
            // This one is answered while the first connection still holds everything.
            await Eventually.HoldsAsync(
                () =>
                {
                    reads.Add(backend.ReadAsync(0, 1));
                    return reads.Exists(read => read.IsCompleted);
                },
                "an answer on a second connection");
        }

        release.SetResult();
        await Task.WhenAll(reads);
        Assert.Equal(expected, server.Connections);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_server_that_does_not_greet_a_further_connection_is_left_alone_for_a_minute()
    {
        var time = new FakeTimeProvider();
        var release = new TaskCompletionSource();
        var silent = new SemaphoreSlim(0);
        await using var server = new ScriptedNbdServer(async connection =>
        {
            if (connection.Number == 1)
            {
                await connection.NegotiateAsync(ExportWith(multiConn: true));
                await HoldAsync(connection, release.Task);
                return;
            }

            silent.Release();
            await connection.ReceiveEndAsync();
            silent.Release();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url, new NbdSettings { Time = time });
        List<Task> reads = [.. Enumerable.Range(0, Busy + 1).Select(i => backend.ReadAsync(i, 1))];

        await silent.WaitAsync();

        // In steps: the limit for the greeting begins a moment after the server has accepted.
        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(0.5));
                return silent.CurrentCount > 0;
            },
            "the attempt was given up");
        time.Advance(TimeSpan.FromSeconds(59));
        reads.Add(backend.ReadAsync(0, 1));
        Assert.Equal(2, server.Connections);

        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                reads.Add(backend.ReadAsync(0, 1));
                return server.Connections == 3;
            },
            "another attempt");
        release.SetResult();
        await Task.WhenAll(reads);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_flush_goes_to_every_connection_that_acknowledged_writes()
    {
        int[] flushes = new int[3];
        var both = new TaskCompletionSource();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(ExportWith(multiConn: true));
            var held = new List<ScriptedNbdRequest>();
            while (await connection.ReceiveRequestAsync() is { Command: not ScriptedNbdRequest.Disconnect } request)
            {
                flushes[connection.Number] += request.Command == ScriptedNbdRequest.Flush ? 1 : 0;
                held.Add(request);
                if (connection.Number == 1 && held.Count <= Busy + 1 && !both.Task.IsCompleted)
                {
                    if (held.Count < Busy + 1)
                    {
                        continue;
                    }

                    await both.Task;
                }

                both.TrySetResult();
                foreach (ScriptedNbdRequest one in held)
                {
                    await connection.AnswerAsync(one);
                }

                held.Clear();
            }
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);
        List<Task> writes = [.. Enumerable.Range(0, Busy + 1).Select(i => backend.WriteAsync(i, new byte[1]))];
        await Eventually.HoldsAsync(
            () =>
            {
                writes.Add(backend.WriteAsync(0, new byte[1]));
                return both.Task.IsCompleted;
            },
            "a write on the second connection");
        await Task.WhenAll(writes);

        await backend.FlushAsync();
        await backend.FlushAsync();

        // The second flush finds nothing unflushed and is sent on one of them.
        Assert.Equal(3, flushes[1] + flushes[2]);
        Assert.All(flushes[1..], count => Assert.InRange(count, 1, 2));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_server_that_owes_a_reply_and_sends_nothing_is_given_up_after_the_stall_timeout()
    {
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            if (connection.Number == 1)
            {
                await connection.ReceiveEndAsync();
            }

            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(
            server.Url, new NbdSettings { StallTimeout = TimeSpan.FromMilliseconds(200) });
        long start = TimeProvider.System.GetTimestamp();

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.ReadAsync(0, 10));

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Contains("sent nothing for 0.2 s", e.Message, StringComparison.Ordinal);
        Assert.True(TimeProvider.System.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(200));
        await backend.ReadAsync(0, 10);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_stall_is_counted_from_the_last_byte_and_only_while_a_reply_is_owed()
    {
        var time = new FakeTimeProvider();
        var step = new SemaphoreSlim(0);
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            ScriptedNbdRequest request = await connection.ReceiveRequestAsync();
            await connection.SendAsync(0x668e33efu, (ushort)1, (ushort)1, request.Cookie, 8u + 3, request.Offset);
            for (int i = 0; i < 3; i++)
            {
                await step.WaitAsync();
                await connection.SendAsync(new byte[1]);
            }

            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(
            server.Url, new NbdSettings { StallTimeout = TimeSpan.FromSeconds(8), Time = time });
        time.Advance(TimeSpan.FromHours(1));
        byte[] bytes = [1, 1, 1];
        Task read = backend.ReadAsync(bytes, 0, CancellationToken.None).AsTask();
        for (int i = 0; i < 3; i++)
        {
            time.Advance(TimeSpan.FromSeconds(7));
            step.Release();
            int received = i;
            await Eventually.HoldsAsync(() => Volatile.Read(ref bytes[received]) == 0, "the byte has arrived");
        }

        await read;
        Assert.Equal(1, server.Connections);
    }

    public static TheoryData<string> Changes => [.. Changed.Keys];

    private static readonly Dictionary<string, ScriptedExport> Changed = new()
    {
        ["a smaller size"] = Usual with { Size = Usual.Size / 2 },
        ["a larger size"] = Usual with { Size = Usual.Size * 2 },
        ["read-only"] = Usual with { Flags = (ushort)(Usual.Flags | ScriptedExport.ReadOnlyFlag) },
        ["larger blocks"] = Usual with { MinimumBlock = 512 },
        ["no extents"] = Usual with { Contexts = [] },
        ["simple replies"] = Usual with { Structured = false },
    };

    private static ScriptedExport Usual => new() { Contexts = [(1, "base:allocation")] };

    [Theory(Timeout = Timeout)]
    [MemberData(nameof(Changes))]
    public async Task A_server_that_comes_back_as_another_export_is_refused_until_the_image_is_opened_again(string what)
    {
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(connection.Number == 1 ? Usual : Changed[what]);
            if (connection.Number == 1)
            {
                await connection.ReceiveRequestAsync();
                return;
            }

            await connection.ServeAsync(Changed[what].Structured);
        });
        await using (IBackend backend = await NbdClient.OpenAsync(server.Url))
        {
            await Assert.ThrowsAsync<TransferException>(() => backend.ReadAsync(0, 1));
            for (int i = 0; i < 2; i++)
            {
                TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.ReadAsync(0, 1));
                Assert.Equal(TransferError.StorageFailed, e.Error);
                Assert.Contains("came back as another export", e.Message, StringComparison.Ordinal);
            }

            Assert.Equal(2, server.Connections);
        }

        await using IBackend again = await NbdClient.OpenAsync(server.Url, access: new ImageAccess(Write: false));
        await again.ReadAsync(0, (int)Math.Max(512, Changed[what].MinimumBlock));
    }

    [Fact(Timeout = Timeout)]
    public async Task Requests_that_find_no_connection_share_one_attempt_and_fail_while_there_is_no_server()
    {
        bool refuse = false;
        await using var server = new ScriptedNbdServer(async connection =>
        {
            if (refuse)
            {
                return;
            }

            await connection.NegotiateAsync(new ScriptedExport());
            await connection.ReceiveRequestAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);
        refuse = true;
        await Assert.ThrowsAsync<TransferException>(() => backend.ReadAsync(0, 1));

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.ReadAsync(0, 1));

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Contains("connecting again failed", e.Message, StringComparison.Ordinal);
    }

    private static ScriptedExport ExportWith(bool multiConn) => new()
    {
        Flags = (ushort)(1 | ScriptedExport.FlushFlag | (multiConn ? ScriptedExport.MultiConnFlag : 0)),
    };

    private static async Task HoldAsync(ScriptedNbdConnection connection, Task release)
    {
        await release;
        await connection.ServeAsync();
    }
}
