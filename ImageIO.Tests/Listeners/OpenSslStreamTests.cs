using ImageIO.Fuzz.Targets;
using ImageIO.Tests.Support;
using ImageIO.Transport.Tls;

namespace ImageIO.Tests.Listeners;

/// <summary>The stream over OpenSSL, with a client that does what well-behaved ones seldom do.</summary>
[Trait("Tls", "EachOpenSsl")]
public sealed class OpenSslStreamTests : IDisposable
{
    // SSL_KEY_UPDATE_REQUESTED of SSL_key_update(3): the other side is to renew its keys, too.
    private const int Both = 1;
    private const int ReceivedShutdown = 2; // SSL_get_shutdown(3)

    private readonly TlsPair _pair = new();

    public OpenSslStreamTests() => _pair.Connect();

    public void Dispose() => _pair.Dispose();

    [Fact(Timeout = 10_000)]
    public async Task Client_that_says_it_sends_no_more_still_gets_its_answer()
    {
        Send("request"u8);
        _ = LibSsl.Shutdown(_pair.Client);
        _pair.ToServer(_pair.TakeFromClient());

        byte[] buffer = new byte[100];
        Assert.Equal(7, await _pair.ReadAsync(buffer));
        Assert.Equal(0, await _pair.ReadAsync(buffer));
        Assert.False(_pair.HasLeft, "It is still there");
        await _pair.WriteAsync("answer"u8.ToArray());
        _pair.ToClient();
        Assert.Equal("answer"u8.ToArray(), Receive());

        _pair.EndClient();
        Assert.True(_pair.HasLeft, "Now it has gone");
    }

    [Fact(Timeout = 10_000)]
    public async Task Client_that_goes_behind_unread_bytes_has_left_when_they_are_read()
    {
        Send("request"u8);
        _pair.ToServer(_pair.TakeFromClient());
        _pair.EndClient();
        Assert.False(_pair.HasLeft, "Its bytes come first");

        byte[] buffer = new byte[100];
        Assert.Equal(7, await _pair.ReadAsync(buffer));

        Assert.True(_pair.HasLeft, "They were its last");
        Assert.Equal(0, await _pair.ReadAsync(buffer));
    }

    [Fact(Timeout = 20_000)]
    public async Task Keys_may_be_renewed_while_both_sides_are_busy()
    {
        byte[] down = Bytes.Random(3_000_000);
        var received = new List<byte>();
        // More than the socket takes: the write waits in the middle of a record.
        Task write = _pair.WriteAsync(down);
        Assert.False(write.IsCompleted);
        byte[] buffer = new byte[100];
        for (int round = 0; !write.IsCompleted || received.Count < down.Length; round++)
        {
            Task<int> read = _pair.ReadAsync(buffer);
            // Several times while the server waits for room, too: OpenSSL 3.0 could not do that in the middle of a
            // record.
            Assert.Equal(1, TlsTarget.UpdateKeys(_pair.Client, Both));
            Send("more"u8);
            _pair.ToServer(_pair.TakeFromClient());
            Assert.Equal("more"u8.ToArray(), buffer[..await read]);
            if (round % 3 == 2)
            {
                _pair.ToClient();
                received.AddRange(Receive());
            }

            Assert.True(round < 1000, "It goes on");
        }

        await write;
        Bytes.AssertEqual(down, [.. received], "what the client received");
    }

    // Answers to new keys have little room beside the records that wait: what does not fit has to wait as well.
    [Fact(Timeout = 60_000)]
    public async Task Keys_renewed_hundreds_of_times_by_a_client_that_takes_nothing_break_nothing()
    {
        byte[] down = Bytes.Random(1_000_000);
        var received = new List<byte>();
        Task write = _pair.WriteAsync(down);
        Assert.False(write.IsCompleted);
        int waited = 0;
        for (int i = 0; i < 900; i++)
        {
            Task<int> read = _pair.ReadAsync(new byte[100]);
            Assert.Equal(1, TlsTarget.UpdateKeys(_pair.Client, Both));
            Assert.Equal(1, LibSsl.Handshake(_pair.Client));
            Send("x"u8);
            _pair.ToServer(_pair.TakeFromClient());
            for (int round = 0; !read.IsCompleted; round++)
            {
                // Its answer does not fit any more: not before the client takes something is more read.
                waited++;
                _pair.ToClient();
                received.AddRange(Receive());
                Assert.True(round < 1000, "It goes on");
            }

            Assert.Equal(1, await read);
        }

        for (int round = 0; !write.IsCompleted || received.Count < down.Length; round++)
        {
            _pair.ToClient();
            received.AddRange(Receive());
            Assert.True(round < 1000, "It goes on");
        }

        await write;
        Assert.True(waited > 0, "There was room for all answers");
        Bytes.AssertEqual(down, [.. received], "what the client received");
    }

    // A read continues until data comes, so such a client would occupy the thread.
    [Fact(Timeout = 20_000)]
    public async Task Client_that_sends_nothing_but_new_keys_is_cut()
    {
        // Off the scheduler of tests, so that each event is dealt with before the next, as on a loop's thread.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        byte[] buffer = new byte[100];
        Task<int> read = _pair.ReadAsync(buffer);
        int sent = 0;
        for (; !read.IsCompleted; sent++)
        {
            Assert.True(sent < 10_000, "It is served for ever");
            Assert.Equal(1, TlsTarget.UpdateKeys(_pair.Client, 0));
            Assert.Equal(1, LibSsl.Handshake(_pair.Client));
            _pair.ToServer(_pair.TakeFromClient());
        }

        Assert.Equal(0, await read);
        Assert.True(sent > 1000, $"Cut after {sent}, which a long transfer may need");
    }

    [Fact(Timeout = 10_000)]
    public async Task End_is_told_when_the_client_has_room_for_it()
    {
        // Record by record until the socket takes no more; then one gets out and one in.
        Task write = Task.CompletedTask;
        while (write.IsCompleted)
        {
            write = _pair.WriteAsync(new byte[] { 1 });
        }

        _pair.ToClientOnce();
        await write;

        Task end = _pair.SendEndAsync();
        bool waits = !end.IsCompleted;
        _pair.ToClient();
        await end;
        _pair.ToClient();
        Receive();

        Assert.True(waits, "There was no room");
        Assert.Equal(ReceivedShutdown, TlsTarget.ShutdownState(_pair.Client) & ReceivedShutdown);
    }

    [Fact(Timeout = 10_000)]
    public async Task Second_read_beside_one_that_waits_is_refused_and_the_first_gets_the_bytes()
    {
        byte[] first = new byte[100];
        Task<int> waiting = _pair.ReadAsync(first);

        await Assert.ThrowsAsync<InvalidOperationException>(() => _pair.ReadAsync(new byte[100]));

        Send("x"u8);
        _pair.ToServer(_pair.TakeFromClient());
        Assert.Equal("x"u8.ToArray(), first[..await waiting]);
    }

    [Fact(Timeout = 10_000)]
    public async Task First_wait_for_bytes_needs_no_buffer()
    {
        Task<int> waiting = _pair.ReadAsync(Array.Empty<byte>());
        Assert.False(waiting.IsCompleted, "Nothing has come");

        Send("x"u8);
        _pair.ToServer(_pair.TakeFromClient());

        Assert.Equal(0, await waiting);
        Assert.Equal(1, await _pair.ReadAsync(new byte[100]));
    }

    [Theory(Timeout = 10_000)]
    [InlineData(0, false)]
    [InlineData(100, false)]
    [InlineData(0, true)]
    [InlineData(100, true)]
    public async Task What_waits_fails_when_the_connection_is_disposed_or_aborted(int size, bool isAborted)
    {
        Task<int> read = _pair.ReadAsync(new byte[size]);
        Task write = _pair.WriteAsync(new byte[3_000_000]);
        Assert.False(read.IsCompleted || write.IsCompleted);

        if (isAborted)
        {
            _pair.Server.Abort(new IOException("on purpose"));
            await Assert.ThrowsAsync<IOException>(() => read);
            await Assert.ThrowsAsync<IOException>(() => write);
            await Assert.ThrowsAsync<IOException>(() => _pair.ReadAsync(new byte[1]));
        }
        else
        {
            await _pair.Server.DisposeAsync();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => read);
            await Assert.ThrowsAsync<ObjectDisposedException>(() => write);
            await Assert.ThrowsAsync<ObjectDisposedException>(() => _pair.WriteAsync(new byte[1]));
        }
    }

    [Fact(Timeout = 10_000)]
    public async Task Cancelled_write_breaks_the_connection_and_a_cancelled_read_does_not()
    {
        using var cancel = new CancellationTokenSource();
        Task<int> read = _pair.ReadAsync(new byte[100], cancel.Token);
        Task write = _pair.WriteAsync(new byte[3_000_000]);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);

        Send("x"u8);
        _pair.ToServer(_pair.TakeFromClient());
        Assert.Equal(1, await _pair.ReadAsync(new byte[100]));
        for (int i = 0; !write.IsCompleted; i++)
        {
            _pair.ToClient();
            Receive();
            Assert.True(i < 1000, "It goes on");
        }

        await write;
        using var late = new CancellationTokenSource();
        Task broken = _pair.WriteAsync(new byte[3_000_000], late.Token);
        await late.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => broken);
        await Assert.ThrowsAsync<IOException>(() => _pair.WriteAsync(new byte[1]));
    }

    private unsafe void Send(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            nuint written;
            LibSsl.ClearErrors();
            Assert.Equal(1, LibSsl.Write(_pair.Client, start, (nuint)bytes.Length, &written));
        }
    }

    private unsafe byte[] Receive()
    {
        var all = new List<byte>();
        byte[] buffer = new byte[64 * 1024];
        nuint read = 0;
        LibSsl.ClearErrors();
        fixed (byte* start = buffer)
        {
            while (LibSsl.Read(_pair.Client, start, (nuint)buffer.Length, &read) == 1)
            {
                all.AddRange(buffer.AsSpan(0, (int)read));
            }
        }

        LibSsl.ClearErrors();
        return [.. all];
    }
}
