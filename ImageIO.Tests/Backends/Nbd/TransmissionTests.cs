using System.Buffers.Binary;
using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Transmission;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support.Nbd;
using ImageIO.Transport.Sockets;

namespace ImageIO.Tests.Backends.Nbd;

/// <summary>Allowed and forbidden answers of a server.</summary>
public sealed class TransmissionTests
{
    private const int Timeout = 30_000;
    private const ushort None = 0;
    private const ushort Data = 1;
    private const ushort Hole = 2;
    private const ushort Status = 5;
    private const ushort Error = 0x8001;
    private const ushort ErrorAt = 0x8002;

    // Answers to a read of 1000 bytes at 500 that cost the connection.
    private static readonly Dictionary<string, Func<ScriptedNbdConnection, ScriptedNbdRequest, Task>> Broken = new()
    {
        ["another cookie"] = (c, r) => c.ChunkAsync(r with { Cookie = 77 }, Data, true, 500UL, new byte[1000]),
        ["no reply's magic"] = (c, _) => c.SendAsync(0x12345678u, new byte[16]),
        ["a simple reply"] = (c, r) => c.SimpleAsync(r, 0, new byte[1000]),
        ["a simple error"] = (c, r) => c.SimpleAsync(r, 5),
        ["a chunk before the range"] = (c, r) => c.ChunkAsync(r, Data, true, 499UL, new byte[1000]),
        ["a chunk past the range"] = (c, r) => c.ChunkAsync(r, Data, true, 501UL, new byte[1000]),
        ["a chunk far away"] = (c, r) => c.ChunkAsync(r, Data, true, ulong.MaxValue, new byte[1000]),
        ["a chunk longer than the range"] = (c, r) => c.ChunkAsync(r, Data, true, 500UL, new byte[1001]),
        ["data without bytes"] = (c, r) => c.ChunkAsync(r, Data, false, 500UL),
        ["data without an offset"] = (c, r) => c.ChunkAsync(r, Data, false, 500u),
        ["overlapping chunks"] = async (c, r) =>
        {
            await c.ChunkAsync(r, Data, false, 500UL, new byte[600]);
            await c.ChunkAsync(r, Data, true, 1099UL, new byte[401]);
        },
        ["a hole over data"] = async (c, r) =>
        {
            await c.ChunkAsync(r, Data, false, 1000UL, new byte[500]);
            await c.ChunkAsync(r, Hole, true, 500UL, 501u);
        },
        ["the same chunk twice"] = async (c, r) =>
        {
            await c.ChunkAsync(r, Data, false, 500UL, new byte[1000]);
            await c.ChunkAsync(r, Data, true, 500UL, new byte[1000]);
        },
        ["an end before the last byte"] = (c, r) => c.ChunkAsync(r, Data, true, 500UL, new byte[999]),
        ["an end without a byte"] = (c, r) => c.ChunkAsync(r, None, true),
        ["an empty hole"] = (c, r) => c.ChunkAsync(r, Hole, false, 500UL, 0u),
        ["a hole of 13 bytes"] = (c, r) => c.ChunkAsync(r, Hole, false, 500UL, 1000u, new byte[1]),
        ["nothing that is not the end"] = (c, r) => c.ChunkAsync(r, None, false),
        ["nothing with a payload"] = (c, r) => c.ChunkAsync(r, None, true, new byte[1]),
        ["an unknown chunk"] = (c, r) => c.ChunkAsync(r, 4, true, new byte[10]),
        ["extents"] = (c, r) => c.ChunkAsync(r, Status, true, 1u, 1000u, 0u),
        ["an error without a number"] = (c, r) => c.ChunkAsync(r, Error, true, 5u),
        ["an error that is none"] = (c, r) => c.ChunkAsync(r, Error, true, 0u, (ushort)0),
        ["an error with more text than payload"] = (c, r) => c.ChunkAsync(r, Error, true, 5u, (ushort)9, "eight by"),
        ["an error over 4096 bytes"] = (c, r) => c.ChunkAsync(r, Error, true, 5u, (ushort)5000, new byte[5000]),
        ["the end"] = (c, _) => Task.Run(c.Dispose),
    };

    public static TheoryData<string> Breaks => [.. Broken.Keys];

    [Theory(Timeout = Timeout)]
    [MemberData(nameof(Breaks))]
    public async Task A_server_that_breaks_the_protocol_loses_the_connection_and_the_next_request_opens_another(
        string what)
    {
        var dropped = new TaskCompletionSource();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport());
            if (connection.Number == 1)
            {
                await Broken[what](connection, await connection.ReceiveRequestAsync());
                if (what != "the end")
                {
                    await connection.ReceiveEndAsync();
                }

                dropped.SetResult();
            }

            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.ReadAsync(500, 1000));
        await dropped.Task;

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Contains("Read of 1000 bytes at 500", e.Message, StringComparison.Ordinal);
        Assert.All(await backend.ReadAsync(500, 1000), b => Assert.Equal(0, b));
        Assert.Equal(2, server.Connections);
    }

    [Fact(Timeout = Timeout)]
    public async Task Chunks_come_in_any_order_and_between_those_of_other_requests()
    {
        await using ScriptedNbdServer server = Serving(async connection =>
        {
            ScriptedNbdRequest first = await connection.ReceiveRequestAsync();
            ScriptedNbdRequest second = await connection.ReceiveRequestAsync();
            await connection.ChunkAsync(second, Data, false, second.Offset + 10, Filled(5, 10));
            await connection.ChunkAsync(first, Data, false, first.Offset + 30, Filled(1, 10));
            await connection.ChunkAsync(first, Hole, false, first.Offset + 10, 20u);
            await connection.ChunkAsync(second, Data, false, second.Offset, Filled(4, 10));
            await connection.ChunkAsync(second, None, true);
            await connection.ChunkAsync(first, Data, true, first.Offset, Filled(3, 10));
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        Task<byte[]> first = backend.ReadAsync(100, 40);
        Task<byte[]> second = backend.ReadAsync(200, 20);

        byte[][] read = await Task.WhenAll(first, second);
        Assert.Equal([.. Filled(3, 10), .. new byte[20], .. Filled(1, 10)], read[0]);
        Assert.Equal([.. Filled(4, 10), .. Filled(5, 10)], read[1]);
    }

    [Fact(Timeout = Timeout)]
    public async Task An_error_that_is_not_the_end_is_followed_to_the_end_and_the_first_one_counts()
    {
        await using ScriptedNbdServer server = Serving(async connection =>
        {
            ScriptedNbdRequest request = await connection.ReceiveRequestAsync();
            await connection.ChunkAsync(request, ErrorAt, false, 5u, (ushort)7, "it is\nX", 600UL);
            await connection.ChunkAsync(request, 0x8003, false, 28u, (ushort)0, new byte[40]);
            await connection.ChunkAsync(request, Data, false, 500UL, new byte[100]);
            await connection.ChunkAsync(request, None, true);
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.ReadAsync(500, 1000));
        await backend.ReadAsync(500, 1000);

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.EndsWith(@"EIO, ""it is\u000aX""", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, server.Connections);
    }

    public static TheoryData<uint, string, string> Errors => new()
    {
        { 1, "EPERM", nameof(TransferError.StorageFailed) },
        { 5, "EIO", nameof(TransferError.StorageFailed) },
        { 12, "ENOMEM", nameof(TransferError.StorageFailed) },
        { 22, "EINVAL", nameof(TransferError.StorageFailed) },
        { 28, "ENOSPC", nameof(TransferError.StorageFull) },
        { 75, "EOVERFLOW", nameof(TransferError.StorageFailed) },
        { 999, "error 999", nameof(TransferError.StorageFailed) },
    };

    [Theory(Timeout = Timeout)]
    [MemberData(nameof(Errors))]
    public async Task Each_error_of_the_server_has_its_name_and_costs_only_its_request(
        uint error, string name, string expected)
    {
        await using ScriptedNbdServer server = Serving(async connection =>
            await connection.SimpleAsync(await connection.ReceiveRequestAsync(), error));
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.WriteAsync(10, new byte[3]));
        await backend.WriteAsync(10, new byte[3]);

        Assert.Equal(expected, e.Error.ToString());
        Assert.EndsWith($"Write of 3 bytes at 10 failed: {name}", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, server.Connections);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_server_that_shuts_down_fails_all_in_flight_and_the_next_request_opens_another_connection()
    {
        await using ScriptedNbdServer server = Serving(async connection =>
        {
            if (connection.Number > 1)
            {
                await connection.ServeAsync();
                return;
            }

            ScriptedNbdRequest first = await connection.ReceiveRequestAsync();
            await connection.ReceiveRequestAsync();
            await connection.SimpleAsync(first, 108);
            await connection.ReceiveEndAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        Task next = FailAndGoOnAsync();
        Task second = backend.ReadAsync(0, 3);

        TransferException failure = await Assert.ThrowsAsync<TransferException>(() => second);
        Assert.Contains("about to stop", failure.Message, StringComparison.Ordinal);
        await next;
        Assert.Equal(2, server.Connections);

        async Task FailAndGoOnAsync()
        {
            TransferException e = await Assert.ThrowsAsync<TransferException>(() => backend.WriteAsync(0, new byte[3]));
            Assert.Contains("ESHUTDOWN", e.Message, StringComparison.Ordinal);
            await backend.WriteAsync(0, new byte[3]);
        }
    }

    [Fact(Timeout = Timeout)]
    public async Task A_reply_before_the_payload_was_sent_does_not_give_the_memory_back()
    {
        const int Length = 16 * 1024 * 1024;
        var goOn = new TaskCompletionSource();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport { Size = Length });
            ScriptedNbdRequest read = await connection.ReceiveRequestAsync();
            byte[] head = await connection.ReceiveAsync(28);
            await connection.SimpleAsync(read with { Cookie = BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(8)) });
            await connection.AnswerAsync(read);
            await goOn.Task;
            byte[] payload = await connection.ReceiveAsync(Length);
            Assert.Equal(-1, payload.AsSpan().IndexOfAnyExcept((byte)7));
            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        Task read = backend.ReadAsync(0, 1);
        Task write = backend.WriteAsync(0, Filled(7, Length));

        // Answered after the write, so the write's answer was received.
        await read;
        Assert.False(write.IsCompleted);
        goOn.SetResult();
        await write;
    }

    [Theory(Timeout = Timeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Requests_are_no_larger_than_the_server_takes(bool write)
    {
        var lengths = new List<uint>();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport { MinimumBlock = 512, MaximumPayload = 65536 + 100 });
            while (await connection.ReceiveRequestAsync() is { Command: not ScriptedNbdRequest.Disconnect } request)
            {
                lengths.Add(request.Length);
                await connection.AnswerAsync(request);
            }
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        await (write ? backend.WriteAsync(512, new byte[200 * 512]) : backend.ReadAsync(512, 200 * 512));

        Assert.Equal([65536, (200 * 512) - 65536], lengths);
    }

    [Fact(Timeout = Timeout)]
    public async Task No_more_than_32_MiB_are_asked_for_at_once_whatever_the_server_says()
    {
        const int Most = 32 * 1024 * 1024;
        var lengths = new List<uint>();
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport { Size = 2 * Most, MaximumPayload = uint.MaxValue });
            while (await connection.ReceiveRequestAsync() is { Command: not ScriptedNbdRequest.Disconnect } request)
            {
                lengths.Add(request.Length);
                await connection.ChunkAsync(request, Hole, true, request.Offset, request.Length);
            }
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        byte[] bytes = await backend.ReadAsync(0, Most + 1);

        Assert.Equal(-1, bytes.AsSpan().IndexOfAnyExcept((byte)0));
        Assert.Equal([Most, 1], lengths);
    }

    [Fact(Timeout = Timeout)]
    public async Task Bytes_past_the_end_are_zeroes_and_never_asked_for()
    {
        await using ScriptedNbdServer server = Serving(async connection =>
        {
            ScriptedNbdRequest request = await connection.ReceiveRequestAsync();
            Assert.Equal((1024UL * 1024) - 10, request.Offset);
            Assert.Equal(10u, request.Length);
            await connection.ChunkAsync(request, Data, true, request.Offset, Filled(1, 10));
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        byte[] across = await backend.ReadAsync((1024 * 1024) - 10, 30);
        Assert.Equal([.. Filled(1, 10), .. new byte[20]], across);
        Assert.Equal(new byte[20], await backend.ReadAsync(2 * 1024 * 1024, 20));
    }

    [Fact(Timeout = Timeout)]
    public async Task An_empty_export_gets_no_requests()
    {
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport { Size = 0, Contexts = [(1, "base:allocation")] });
            Assert.Equal(ScriptedNbdRequest.Disconnect, (await connection.ReceiveRequestAsync()).Command);
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        Assert.Equal(new byte[20], await backend.ReadAsync(0, 20));
        Assert.Empty(await backend.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None).ToListAsync());
    }

    [Theory(Timeout = Timeout)]
    [InlineData(ZeroMode.Allocate, 2)]
    [InlineData(ZeroMode.Deallocate, 0)]
    public async Task Zeroing_asks_to_keep_the_space_unless_it_may_be_given_back(ZeroMode mode, ushort flags)
    {
        await using ScriptedNbdServer server = Serving(async connection =>
        {
            ScriptedNbdRequest request = await connection.ReceiveRequestAsync();
            Assert.Equal((ScriptedNbdRequest.Zero, flags), (request.Command, request.Flags));
            Assert.Equal((10UL, 1000u), (request.Offset, request.Length));
            await connection.SimpleAsync(request);
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        Assert.True(await backend.ZeroAsync(10, 1000, mode, CancellationToken.None));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_server_that_cannot_zero_after_all_is_not_asked_again()
    {
        await using ScriptedNbdServer server = Serving(async connection =>
            await connection.SimpleAsync(await connection.ReceiveRequestAsync(), 95));
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        Assert.False(await backend.ZeroAsync(0, 10, ZeroMode.Allocate, CancellationToken.None));
        Assert.False(await backend.ZeroAsync(0, 10, ZeroMode.Deallocate, CancellationToken.None));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_server_that_reads_nothing_while_its_replies_wait_is_no_deadlock()
    {
        const int Piece = 4 * 1024 * 1024;
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.NegotiateAsync(new ScriptedExport { Size = 64 * 1024 * 1024 });
            ScriptedNbdRequest read = await connection.ReceiveRequestAsync();
            // Far more than the socket holds, while the client sends as much.
            await connection.AnswerAsync(read);
            await connection.ServeAsync();
        });
        await using IBackend backend = await NbdClient.OpenAsync(server.Url);

        await Task.WhenAll(
            backend.ReadAsync(0, Piece), backend.WriteAsync(Piece, new byte[Piece]), backend.ReadAsync(0, Piece));
    }

    [Fact(Timeout = Timeout)]
    public async Task Closing_says_good_bye()
    {
        var last = new TaskCompletionSource<ScriptedNbdRequest>();
        await using ScriptedNbdServer server = Serving(
            async connection => last.SetResult(await connection.ReceiveRequestAsync()));
        IBackend backend = await NbdClient.OpenAsync(server.Url);

        await backend.DisposeAsync();
        await backend.DisposeAsync();

        Assert.Equal(ScriptedNbdRequest.Disconnect, (await last.Task).Command);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_server_that_closes_the_connection_first_after_a_disconnect_has_not_broken_it()
    {
        var stream = new ServerThatClosesFirst();
        var export = new ExportInfo(
            4096, ExportFlags.None, BlockSize: 1, LargestPayload: 4096, HasStructuredReplies: true,
            HasAllocation: false, HasDepth: false, DirtyBitmap: null);
        var negotiated = new NegotiatedConnection(
            stream, new WireReader(stream, TimeProvider.System), export, MetaContexts.None);
        Exception? cause = new InvalidOperationException("the connection has not ended");
        var connection = new NbdConnection(negotiated, "server", TimeProvider.System, ended => cause = ended.Cause);
        connection.Start();

        await connection.DisposeAsync();

        // A cause is logged as a warning.
        Assert.Null(cause);
        Assert.False(connection.TrySend(new NbdRequest(Command.Flush, 0, 0)));
    }

    private static byte[] Filled(byte value, int count) => [.. Enumerable.Repeat(value, count)];

    // Negotiates, follows the script of the test, and continues as an honest server.
    private static ScriptedNbdServer Serving(Func<ScriptedNbdConnection, Task> script) => new(async connection =>
    {
        await connection.NegotiateAsync(new ScriptedExport());
        await script(connection);
        await connection.ServeAsync();
    });

    /// <summary>Ends the connection while the client still sends its disconnect.</summary>
    private sealed class ServerThatClosesFirst : AsyncStream
    {
        private readonly TaskCompletionSource<int> _end = new();

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            new(_end.Task);

        public override ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _end.SetResult(0);
            return ValueTask.CompletedTask;
        }
    }
}
