using ImageIO.Backends.Nbd;
using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;

namespace ImageIO.Tests.Backends.Nbd;

/// <summary>Writes that a server acknowledged and may have lost fail the next flush, once.</summary>
public sealed class LostWriteTests
{
    private const int Timeout = 30_000;

    [Theory(Timeout = Timeout)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_that_breaks_after_a_write_fails_the_next_flush_without_asking_and_no_later_one(
        bool zero)
    {
        int flushes = 0;
        var log = new RecordingLogger<NbdBackendFactory>();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            if (connection.Number == 1)
            {
                await connection.SimpleAsync(await connection.ReceiveRequestAsync());
                return;
            }

            await ServeAsync(connection, request => flushes += request.Command == ScriptedNbdRequest.Flush ? 1 : 0);
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url, logger: log);
        await (zero
            ? backend.ZeroAsync(0, 10, ZeroMode.Allocate, CancellationToken.None).AsTask()
            : backend.WriteAsync(0, new byte[10]));
        await Eventually.HoldsAsync(() => log.Lines.Count > 0, "the break was noticed");

        TransferException e = await AssertLostAsync(backend);
        Assert.Contains("acknowledged", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, flushes);
        Assert.Contains("acknowledged writes may be lost: True", log.Lines.First(), StringComparison.Ordinal);

        await backend.WriteAsync(0, new byte[10]);
        await backend.FlushAsync();
        Assert.Equal(1, flushes);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_connection_that_breaks_with_nothing_unflushed_is_replaced_in_silence()
    {
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            if (connection.Number == 1)
            {
                await connection.SimpleAsync(await connection.ReceiveRequestAsync());
                await connection.SimpleAsync(await connection.ReceiveRequestAsync());
                return;
            }

            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);
        await backend.WriteAsync(0, new byte[10]);
        await backend.FlushAsync();

        // Once the break was noticed: a request that is sent before would fail.
        await Eventually.HoldsAsync(() => IsServedAsync(backend), "the image is served again");
        await backend.FlushAsync();
        Assert.Equal(2, server.Connections);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_flush_that_the_break_interrupts_is_the_one_that_tells()
    {
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            if (connection.Number == 1)
            {
                await connection.SimpleAsync(await connection.ReceiveRequestAsync());
                Assert.Equal(ScriptedNbdRequest.Flush, (await connection.ReceiveRequestAsync()).Command);
                return;
            }

            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);
        await backend.WriteAsync(0, new byte[10]);

        await AssertLostAsync(backend);
        await backend.FlushAsync();
    }

    [Fact(Timeout = Timeout)]
    public async Task A_write_that_is_answered_after_the_flush_was_sent_is_not_covered_by_it()
    {
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            if (connection.Number == 1)
            {
                ScriptedNbdRequest write = await connection.ReceiveRequestAsync();
                await connection.SimpleAsync(await connection.ReceiveRequestAsync());
                await connection.SimpleAsync(write);
                return;
            }

            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);
        Task write = backend.WriteAsync(0, new byte[10]);
        await backend.FlushAsync();
        await write;

        await AssertLostAsync(backend);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_write_that_failed_was_not_acknowledged_and_is_not_lost()
    {
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            if (connection.Number == 1)
            {
                await connection.SimpleAsync(await connection.ReceiveRequestAsync(), 28);
                await connection.ReceiveRequestAsync();
                return;
            }

            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);
        await Assert.ThrowsAsync<TransferException>(() => backend.WriteAsync(0, new byte[10]));
        await Assert.ThrowsAsync<TransferException>(() => backend.WriteAsync(0, new byte[10]));

        await backend.FlushAsync();
    }

    [Fact(Timeout = Timeout)]
    public async Task A_server_that_knows_no_flush_is_taken_for_one_that_needs_none_with_one_warning()
    {
        var log = new RecordingLogger<NbdBackendFactory>();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport { Flags = 1 });
            await ServeAsync(connection, request => Assert.NotEqual(ScriptedNbdRequest.Flush, request.Command));
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url, logger: log);
        await backend.WriteAsync(0, new byte[10]);

        await backend.FlushAsync();
        await backend.FlushAsync();

        Assert.Single(log.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact(Timeout = Timeout)]
    public async Task An_image_with_unflushed_writes_is_flushed_as_it_closes()
    {
        var commands = new List<ushort>();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            await ServeAsync(connection, request => commands.Add(request.Command));
            commands.Add(ScriptedNbdRequest.Disconnect);
        });
        IBackend backend = await NbdClient.OpenAsync(server.Url);
        await backend.WriteAsync(0, new byte[10]);
        await backend.DisposeAsync();
        await Eventually.HoldsAsync(() => commands.Count == 3, "the client has left");

        Assert.Equal([ScriptedNbdRequest.Write, ScriptedNbdRequest.Flush, ScriptedNbdRequest.Disconnect], commands);
    }

    [Theory(Timeout = Timeout)]
    [InlineData("the server closes")]
    [InlineData("the server fails")]
    [InlineData("the server is silent")]
    [InlineData("the connection broke before")]
    public async Task Closing_fails_when_unflushed_writes_may_be_lost(string how)
    {
        var broken = new TaskCompletionSource();
        var log = new RecordingLogger<NbdBackendFactory>();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            await connection.SimpleAsync(await connection.ReceiveRequestAsync());
            if (how != "the connection broke before")
            {
                ScriptedNbdRequest flush = await connection.ReceiveRequestAsync();
                await (how == "the server fails" ? connection.SimpleAsync(flush, 5)
                    : how == "the server is silent" ? connection.ReceiveEndAsync()
                    : Task.CompletedTask);
            }
        });
        IBackend backend = await NbdClient.OpenAsync(
            server.Url, new NbdSettings { ConnectTimeout = TimeSpan.FromMilliseconds(300) }, logger: log);
        await backend.WriteAsync(0, new byte[10]);
        if (how == "the connection broke before")
        {
            await Eventually.HoldsAsync(() => log.Lines.Count > 0, "the break was noticed");
        }

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.DisposeAsync().AsTask());

        Assert.Equal(TransferError.StorageFailed, e.Error);
        await backend.DisposeAsync();
    }

    private static async Task<bool> IsServedAsync(IBackend backend)
    {
        try
        {
            await backend.ReadAsync(0, 1);
            return true;
        }
        catch (TransferException)
        {
            return false;
        }
    }

    private static async Task<TransferException> AssertLostAsync(IBackend backend)
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(backend.FlushAsync);
        Assert.Equal(TransferError.StorageFailed, e.Error);
        return e;
    }

    private static async Task ServeAsync(ScriptedNbdConnection connection, Action<ScriptedNbdRequest> see)
    {
        while (await connection.ReceiveRequestAsync() is { Command: not ScriptedNbdRequest.Disconnect } request)
        {
            see(request);
            await connection.AnswerAsync(request);
        }
    }
}
