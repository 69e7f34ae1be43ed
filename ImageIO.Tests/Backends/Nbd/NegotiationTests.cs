using ImageIO.Backends.Nbd;
using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support.Nbd;
using Microsoft.Extensions.Logging.Abstractions;
using static ImageIO.Tests.Support.Nbd.ScriptedNbdConnection;

namespace ImageIO.Tests.Backends.Nbd;

/// <summary>Allowed and forbidden messages of a server before the first request.</summary>
public sealed class NegotiationTests
{
    private const int Timeout = 30_000;
    private const uint Policy = 0x8000_0002;
    private const uint TlsRequired = 0x8000_0005;
    private const uint UnknownExport = 0x8000_0006;

    // The server's behaviour, and the text of the error.
    private static readonly Dictionary<string, (Func<ScriptedNbdConnection, Task> Script, string Says)> Wrong = new()
    {
        ["no NBD server"] = (c => c.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"), "no NBD server"),
        ["the old protocol"] = (c => c.SendAsync(0x4e42444d41474943UL, 0x00420281861253UL, (ushort)0), "no NBD server"),
        ["not fixed newstyle"] = (
            c => c.SendAsync(0x4e42444d41474943UL, 0x49484156454f5054UL, (ushort)2), "no NBD server"),
        ["another magic"] = (AtFirstOption(c => c.SendAsync(1UL, StructuredReply, Ack, 0u)), "broke the protocol"),
        ["an answer to another option"] = (AtFirstOption(c => c.ReplyAsync(Go, Ack)), "broke the protocol"),
        ["an unknown reply"] = (AtFirstOption(c => c.ReplyAsync(StructuredReply, 77)), "broke the protocol"),
        ["a reply over 64 KiB"] = (
            AtFirstOption(c => c.SendAsync(0x0003e889045565a9UL, StructuredReply, Ack, 65537u)), "65537 bytes"),
        ["endless information"] = (AtGo(async c =>
        {
            while (true)
            {
                await c.ReplyAsync(Go, Info, (ushort)1, "a name");
            }
        }), "more than 1000 replies"),
        ["no size"] = (AtGo(c => c.ReplyAsync(Go, Ack)), "size or flags"),
        ["a size beyond 2^63"] = (With(new() { Size = 1UL << 63 }), "size or flags"),
        ["no flags"] = (With(new() { Flags = 4 }), "size or flags"),
        ["short information"] = (AtGo(c => c.ReplyAsync(Go, Info, (ushort)0, 1u)), "broke the protocol"),
        ["blocks of no power of two"] = (With(new() { MinimumBlock = 3 }), "blocks of 3 bytes"),
        ["blocks of 0"] = (With(new() { MinimumBlock = 0 }), "blocks of 0 bytes"),
        ["blocks of 128 KiB"] = (With(new() { MinimumBlock = 131072 }), "blocks of 131072 bytes"),
        ["payloads less than a block"] = (
            With(new() { MinimumBlock = 4096, MaximumPayload = 4095 }), "at most 4095 bytes"),
        ["no such export"] = (AtGo(c => c.ReplyAsync(Go, UnknownExport, "not here\n")), "no export named"),
        ["a policy against it"] = (
            AtGo(c => c.ReplyAsync(Go, Policy, "too\nmany\u0085")), @"Policy, ""too\u000amany\u0085"""),
        ["TLS at the first option"] = (AtFirstOption(c => c.ReplyAsync(StructuredReply, TlsRequired)), "use nbds"),
        ["TLS at the last option"] = (AtGo(c => c.ReplyAsync(Go, TlsRequired)), "use nbds"),
        ["GO unknown"] = (AtGo(c => c.ReplyAsync(Go, 0x8000_0001)), "too old"),
        ["two contexts of one id"] = (
            With(new() { Contexts = [(1, "base:allocation"), (1, "qemu:allocation-depth")] }), "with one id"),
        ["a context nobody asked for"] = (With(new() { Contexts = [(1, "base:weather")] }), "not asked for"),
    };

    public static TheoryData<string> Wrongs => [.. Wrong.Keys];

    [Theory(Timeout = Timeout)]
    [MemberData(nameof(Wrongs))]
    public async Task A_server_that_breaks_the_rules_or_refuses_makes_the_image_unavailable_with_a_reason(string what)
    {
        (Func<ScriptedNbdConnection, Task> script, string says) = Wrong[what];
        await using var server = new ScriptedNbdServer(script);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => OpenAsync(server.Url));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(e.Message, char.IsControl);
    }

    // After how many messages of the server it hangs or closes.
    public static TheoryData<int> Steps => [0, 1, 2, 3, 4];

    [Theory(Timeout = Timeout)]
    [MemberData(nameof(Steps))]
    public async Task A_server_that_falls_silent_at_any_step_is_given_up_after_the_connect_timeout(int step)
    {
        await using var server = new ScriptedNbdServer(
            connection => UpToAsync(connection, step, c => c.BeSilentAsync()));

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => OpenAsync(server.Url, new NbdSettings { ConnectTimeout = TimeSpan.FromMilliseconds(100) }));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains("within 0.1 s", e.Message, StringComparison.Ordinal);
    }

    [Theory(Timeout = Timeout)]
    [MemberData(nameof(Steps))]
    public async Task A_server_that_closes_at_any_step_is_told_apart_with_a_hint_at_its_own_log(int step)
    {
        await using var server = new ScriptedNbdServer(
            connection => UpToAsync(connection, step, _ => Task.CompletedTask));

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => OpenAsync(server.Url));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains("the server's own log says why", e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_server_that_sends_a_byte_at_a_time_is_served()
    {
        await using var server = new ScriptedNbdServer(async connection =>
        {
            connection.Trickles = true;
            await connection.NegotiateAsync(new ScriptedExport { Contexts = [(9, "base:allocation")] });
            await connection.ServeAsync();
        });
        await using IBackend backend = await OpenAsync(server.Url);
        byte[] bytes = [.. Enumerable.Repeat((byte)1, 1000)];

        await backend.ReadAsync(bytes, 5, CancellationToken.None);

        Assert.All(bytes, b => Assert.Equal(0, b));
        Assert.True(backend.Capabilities.HasZeroExtents);
    }

    [Fact(Timeout = Timeout)]
    public async Task What_the_server_says_of_its_export_becomes_size_blocks_and_capabilities()
    {
        await using var server = new ScriptedNbdServer(With(new()
        {
            Size = 10_000,
            MinimumBlock = 4096,
            Flags = 1 | ScriptedExport.FlushFlag,
        }));
        await using IBackend backend = await OpenAsync(server.Url);

        Assert.Equal(8192, backend.Size);
        Assert.Equal(4096, backend.BlockSize);
        Assert.Equal(4096, backend.PreferredBlockSize);
        Assert.Equal($"unix {server.Path} ", backend.Identity);
        Assert.False(backend.MayBlock);
        Assert.Equal(new BackendCapabilities { CanWrite = true }, backend.Capabilities);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_read_only_export_is_refused_for_writing_and_served_for_reading()
    {
        await using var server = new ScriptedNbdServer(With(new() { Flags = 1 | ScriptedExport.ReadOnlyFlag }));

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => OpenAsync(server.Url));
        await using IBackend backend = await OpenAsync(server.Url, access: new ImageAccess(Write: false));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains("read-only", e.Message, StringComparison.Ordinal);
        Assert.False(backend.Capabilities.CanWrite);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public async Task Dirty_extents_are_offered_for_exactly_one_bitmap(int bitmaps, bool offered)
    {
        string[] names = [.. Enumerable.Range(0, bitmaps).Select(i => $"qemu:dirty-bitmap:b{i}")];
        await using var server = new ScriptedNbdServer(With(new()
        {
            Bitmaps = names,
            Contexts = offered ? [(3, names[0]), (1, "base:allocation")] : [(1, "base:allocation")],
        }));

        await using IBackend backend = await OpenAsync(server.Url, access: new ImageAccess(Write: false, Dirty: true));

        Assert.Equal(offered, backend.Capabilities.HasDirtyExtents);
        Assert.True(backend.Capabilities.HasZeroExtents);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(ListMeta)]
    [InlineData(SetMeta)]
    [InlineData(StructuredReply)]
    public async Task A_server_that_refuses_what_extents_need_has_none_and_is_served(uint refused)
    {
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.GreetAsync();
            uint option;
            do
            {
                (option, _) = await connection.ReceiveOptionAsync();
                if (option == refused)
                {
                    await connection.ReplyAsync(option, 0x8000_0003, "not with me");
                }
            }
            while (option == refused || !await connection.AnswerAsync(option, new ScriptedExport()));
            await connection.ServeAsync();
        });

        await using IBackend backend = await OpenAsync(server.Url, access: new ImageAccess(Write: false, Dirty: true));

        Assert.False(backend.Capabilities.HasDirtyExtents);
        Assert.False(backend.Capabilities.HasZeroExtents);
        Assert.Single(await backend.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None).ToListAsync());
    }

    [Theory(Timeout = Timeout)]
    [InlineData("the server refuses", "does not encrypt")]
    [InlineData("bytes before the handshake", "between the answer to STARTTLS")]
    public async Task Nbds_never_goes_on_in_plain_text(string what, string says)
    {
        bool sawPlain = false;
        await using var server = new ScriptedNbdServer(async connection =>
        {
            await connection.GreetAsync();
            (uint option, _) = await connection.ReceiveOptionAsync();
            Assert.Equal(StartTls, option);
            if (what == "the server refuses")
            {
                await connection.ReplyAsync(option, Policy, "no TLS here");
            }
            else
            {
                await connection.SendAsync(Bytes(0x0003e889045565a9UL, option, Ack, 0u, 0x0003e889045565a9UL));
            }

            await connection.ReceiveAsync(1);
            sawPlain = true;
        });

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => OpenAsync(ImageUrl.Parse($"nbds+unix:///?socket={server.Path}")));

        Assert.Contains(says, e.Message, StringComparison.Ordinal);
        Assert.False(sawPlain);
    }

    private static Task<IBackend> OpenAsync(ImageUrl url, NbdSettings? settings = null, ImageAccess? access = null) =>
        new NbdBackendFactory(settings ?? new NbdSettings(), NullLogger<NbdBackendFactory>.Instance)
            .OpenAsync(url, access ?? new ImageAccess(Write: true), CancellationToken.None).AsTask();

    private static Func<ScriptedNbdConnection, Task> AtFirstOption(
        Func<ScriptedNbdConnection, Task> script) => async connection =>
    {
        await connection.GreetAsync();
        await connection.ReceiveOptionAsync();
        await script(connection);
        await connection.ReceiveEndAsync();
    };

    private static Func<ScriptedNbdConnection, Task> AtGo(
        Func<ScriptedNbdConnection, Task> script) => async connection =>
    {
        await connection.GreetAsync();
        while (await connection.ReceiveOptionAsync() is { Option: not Go } other)
        {
            await connection.AnswerAsync(other.Option, new ScriptedExport());
        }

        await script(connection);
        await connection.ReceiveEndAsync();
    };

    private static Func<ScriptedNbdConnection, Task> With(ScriptedExport export) => async connection =>
    {
        await connection.NegotiateAsync(export);
        await connection.ServeAsync(export.Structured);
    };

    // Greeting, structured replies, contexts, GO: as many messages as said, then something else.
    private static async Task UpToAsync(
        ScriptedNbdConnection connection, int steps, Func<ScriptedNbdConnection, Task> then)
    {
        if (steps > 0)
        {
            await connection.GreetAsync();
        }

        for (int step = 1; step < steps; step++)
        {
            (uint option, _) = await connection.ReceiveOptionAsync();
            if (option == Go)
            {
                // The size, but no end of the replies.
                await connection.ReplyAsync(option, Info, (ushort)0, 1024UL, (ushort)1);
                break;
            }

            await connection.AnswerAsync(option, new ScriptedExport());
        }

        await then(connection);
    }
}
