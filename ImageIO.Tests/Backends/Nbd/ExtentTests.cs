using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support.Nbd;

namespace ImageIO.Tests.Backends.Nbd;

/// <summary>The extents of metadata contexts, each of which covers a different part.</summary>
public sealed class ExtentTests
{
    private const int Timeout = 30_000;
    private const ushort Status = 5;
    private const uint Allocation = 11;
    private const uint Depth = 5;
    private const uint Dirty = 7;
    private const ulong Size = 1000;

    private static readonly (uint Id, string Name)[] Contexts =
        [(Depth, "qemu:allocation-depth"), (Dirty, "qemu:dirty-bitmap:b"), (Allocation, "base:allocation")];

    [Fact(Timeout = Timeout)]
    public async Task Contexts_are_stepped_through_together_and_the_shortest_one_is_asked_on_from()
    {
        var asked = new List<(ulong Offset, uint Length)>();
        await using ScriptedNbdServer server = Serving(async (connection, request) =>
        {
            asked.Add((request.Offset, request.Length));
            // Depth covers 300 bytes of the first question, and more than is left of the second.
            await (request.Offset == 0
                ? connection.ChunkAsync(request, Status, false, Depth, 100u, 1u, 200u, 0u)
                : connection.ChunkAsync(request, Status, false, Depth, 4096u, 2u));
            await connection.ChunkAsync(request, Status, false, Allocation, 50u, 0u, 100u, 3u, 5000u, 1u);
            await connection.ChunkAsync(request, Status, true, Dirty, 5000u, 0u);
        });
        await using IBackend backend = await OpenAsync(server);

        List<Extent> extents = await ReadAsync(backend, ExtentContext.Zero);

        Assert.Equal([(0UL, 1000u), (300UL, 700u)], asked);
        Assert.Equal(
            [
                new(new(0, 50), ExtentFlags.None),
                new(new(50, 100), ExtentFlags.Zero),
                new(new(100, 150), ExtentFlags.Zero | ExtentFlags.Hole),
                // A hole that does not promise zeroes is data, allocated nowhere.
                new(new(150, 300), ExtentFlags.Hole),
                new(new(300, 350), ExtentFlags.None),
                new(new(350, 450), ExtentFlags.Zero),
                new(new(450, 1000), ExtentFlags.None),
            ],
            extents);
    }

    [Fact(Timeout = Timeout)]
    public async Task Dirty_extents_tell_dirty_and_zero_and_do_not_wait_for_depth()
    {
        int asked = 0;
        await using ScriptedNbdServer server = Serving(async (connection, request) =>
        {
            asked++;
            await connection.ChunkAsync(request, Status, false, Allocation, 1000u, 2u);
            await connection.ChunkAsync(request, Status, false, Dirty, 400u, 1u, 600u, 0u);
            await connection.ChunkAsync(request, Status, true, Depth, 1u, 0u);
        });
        await using IBackend backend = await OpenAsync(server);

        List<Extent> extents = await ReadAsync(backend, ExtentContext.Dirty);

        Assert.Equal(
            [new(new(0, 400), ExtentFlags.Zero | ExtentFlags.Dirty), new(new(400, 1000), ExtentFlags.Zero)], extents);
        Assert.Equal(1, asked);
    }

    [Fact(Timeout = Timeout)]
    public async Task Dirty_extents_without_zero_extents_call_nothing_zero()
    {
        await using ScriptedNbdServer server = Serving(
            (connection, request) => connection.ChunkAsync(request, Status, true, Dirty, 2000u, 1u),
            new ScriptedExport
            {
                Size = Size,
                Bitmaps = ["qemu:dirty-bitmap:b"],
                Contexts = [(Dirty, "qemu:dirty-bitmap:b")],
            });
        await using IBackend backend = await OpenAsync(server);

        Assert.Equal([new(new(0, 1000), ExtentFlags.Dirty)], await ReadAsync(backend, ExtentContext.Dirty));
        Assert.Equal([new(new(0, 1000), ExtentFlags.None)], await ReadAsync(backend, ExtentContext.Zero));
    }

    public static TheoryData<string> Breaks => [.. Broken.Keys];

    private static readonly Dictionary<string, Func<ScriptedNbdConnection, ScriptedNbdRequest, Task>> Broken = new()
    {
        ["another context"] = (c, r) => c.ChunkAsync(r, Status, true, 99u, 1000u, 0u),
        ["one context twice"] = async (c, r) =>
        {
            await c.ChunkAsync(r, Status, false, Dirty, 1000u, 0u);
            await c.ChunkAsync(r, Status, true, Dirty, 1000u, 0u);
        },
        ["a context less"] = async (c, r) =>
        {
            await c.ChunkAsync(r, Status, false, Allocation, 1000u, 0u);
            await c.ChunkAsync(r, Status, true, Dirty, 1000u, 0u);
        },
        ["no extent"] = (c, r) => c.ChunkAsync(r, Status, true, Allocation),
        ["half an extent"] = (c, r) => c.ChunkAsync(r, Status, true, Allocation, 1000u),
        ["an extent without a length"] = (c, r) => c.ChunkAsync(r, Status, true, Allocation, 10u, 0u, 0u, 0u),
        ["over 16 MiB"] = (c, r) => c.SendAsync(0x668e33efu, (ushort)1, Status, r.Cookie, (16u * 1024 * 1024) + 4),
        ["a simple reply"] = (c, r) => c.SimpleAsync(r),
        ["data"] = (c, r) => c.ChunkAsync(r, 1, true, 0UL, new byte[1000]),
    };

    [Theory(Timeout = Timeout)]
    [MemberData(nameof(Breaks))]
    public async Task Extents_are_never_invented_for_a_server_that_breaks_the_protocol(string what)
    {
        await using ScriptedNbdServer server = Serving(async (connection, request) =>
        {
            await Broken[what](connection, request);
            await connection.ReceiveEndAsync();
        });
        await using IBackend backend = await OpenAsync(server);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => ReadAsync(backend, ExtentContext.Zero));

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Contains("broke the protocol", e.Message, StringComparison.Ordinal);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_error_of_the_server_ends_the_extents_with_it(bool simple)
    {
        await using ScriptedNbdServer server = Serving((connection, request) => simple
            ? connection.SimpleAsync(request, 5)
            : connection.ChunkAsync(request, 0x8001, true, 5u, (ushort)0));
        await using IBackend backend = await OpenAsync(server);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => ReadAsync(backend, ExtentContext.Zero));

        Assert.EndsWith("EIO", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, server.Connections);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_million_extents_in_one_reply_make_the_next_questions_smaller()
    {
        // 8 MiB of extents of 512 bytes: half of 1 GiB.
        const int Count = 1024 * 1024;
        const ulong Large = 2UL * 1024 * 1024 * 1024;
        byte[] many = new byte[8 * Count];
        for (int i = 0; i < Count; i++)
        {
            many[(8 * i) + 2] = 2;
            many[(8 * i) + 7] = (byte)(i % 2 * 3);
        }

        var asked = new List<uint>();
        await using ScriptedNbdServer server = Serving(
            (connection, request) =>
            {
                asked.Add(request.Length);
                return request.Offset == 0
                    ? connection.ChunkAsync(request, Status, true, Allocation, many)
                    : connection.ChunkAsync(request, Status, true, Allocation, request.Length, 0u);
            },
            new ScriptedExport { Size = Large, Contexts = [(Allocation, "base:allocation")] });
        await using IBackend backend = await OpenAsync(server);

        int count = 0;
        long position = 0;
        await foreach (Extent extent in backend.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None))
        {
            Assert.Equal(position, extent.Range.Start);
            position = extent.Range.End;
            count += extent.Flags == ExtentFlags.Zero ? 1 : 0;
        }

        Assert.Equal((long)Large, position);
        Assert.Equal(Count / 2, count);
        Assert.Equal(1024u * 1024 * 1024, asked[0]);
        Assert.Equal(64u * 1024 * 1024, asked[1]);
        Assert.Equal(128u * 1024 * 1024, asked[2]);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_reader_that_leaves_early_leaves_nothing_behind()
    {
        await using ScriptedNbdServer server = Serving(
            (connection, request) => connection.ChunkAsync(request, Status, true, Allocation, 10u, 0u),
            new ScriptedExport { Size = Size, Contexts = [(Allocation, "base:allocation")] });
        await using IBackend backend = await OpenAsync(server);

        await foreach (Extent _ in backend.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None))
        {
            break;
        }

        Assert.Equal(100, (await ReadAsync(backend, ExtentContext.Zero)).Count);
    }

    private static Task<IBackend> OpenAsync(ScriptedNbdServer server) =>
        NbdClient.OpenAsync(server.Url, new NbdSettings(), new ImageAccess(Write: false, Dirty: true));

    private static async Task<List<Extent>> ReadAsync(IBackend backend, ExtentContext context) =>
        await backend.GetExtentsAsync(context, CancellationToken.None).ToListAsync();

    private static ScriptedNbdServer Serving(
        Func<ScriptedNbdConnection, ScriptedNbdRequest, Task> answer,
        ScriptedExport? export = null) => new(async connection =>
    {
        await connection.NegotiateAsync(
            export ?? new ScriptedExport { Size = Size, Bitmaps = ["qemu:dirty-bitmap:b"], Contexts = Contexts });
        while (await connection.ReceiveRequestAsync() is { Command: not ScriptedNbdRequest.Disconnect } request)
        {
            await answer(connection, request);
        }
    });
}
