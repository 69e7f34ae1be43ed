using System.Net;
using System.Net.Sockets;
using ImageIO.Tests.Support;
using ImageIO.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Listeners;

/// <summary>The stream over a socket without TLS, on a real loop, over TCP and over a Unix socket.</summary>
public abstract class PlainStreamTests : IDisposable
{
    private const int MoreThanSocketsHold = 32 << 20;

    private readonly EventLoop _loop = new(0, NullLogger.Instance);
    private readonly SocketReadiness _readiness = new();
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Socket _socket;
    private readonly Socket _peer;
    private readonly PlainStream _stream;

    protected PlainStreamTests((Socket Accepted, Socket Peer) sockets)
    {
        (_socket, _peer) = sockets;
        LibC.SetNonBlocking(_socket.SafeHandle);
        _readiness.Join(_loop, _socket.SafeHandle);
        _stream = new PlainStream(_socket.SafeHandle, _readiness, _left.SetResult);
    }

    private protected EventLoop Loop => _loop;

    private protected Socket Peer => _peer;

    private protected SocketReadiness Readiness => _readiness;

    private protected PlainStream Stream => _stream;

    private protected Task Left => _left.Task;

    public void Dispose()
    {
        _stream.Dispose();
        _readiness.Leave();
        _socket.Dispose();
        _peer.Dispose();
        _loop.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact(Timeout = 20_000)]
    public async Task Bytes_arrive_whole_in_both_directions_at_once()
    {
        byte[] up = Bytes.Random(5_000_000), down = Bytes.Random(5_000_000);
        byte[] receivedUp = new byte[up.Length], receivedDown = new byte[down.Length];

        Task send = SendAllAsync(_peer, up), receive = ReceiveAllAsync(_peer, receivedDown);
        Task write = _stream.WriteAsync(down).AsTask(), read = _stream.ReadExactlyAsync(receivedUp).AsTask();
        await Task.WhenAll(send, receive, write, read);

        Bytes.AssertEqual(up, receivedUp, "what was read");
        Bytes.AssertEqual(down, receivedDown, "what the peer received");
    }

    // Issue 15, D24: it waits for its answer.
    [Fact(Timeout = 20_000)]
    public async Task Peer_that_ends_its_sending_side_has_not_left()
    {
        await SendAllAsync(_peer, "request"u8.ToArray());
        _peer.Shutdown(SocketShutdown.Send);
        byte[] buffer = new byte[100];

        Assert.Equal(7, await _stream.ReadAsync(buffer.AsMemory(0, 7)));
        Assert.Equal(0, await _stream.ReadAsync(buffer));
        await _stream.WriteAsync("answer"u8.ToArray());
        await ReceiveAllAsync(_peer, new byte[6]);
        Assert.False(_left.Task.IsCompleted, "It is still there");

        // A reset, as it has not read this.
        await _stream.WriteAsync("more"u8.ToArray());
        _peer.Dispose();
        await _left.Task;
    }

    [Fact(Timeout = 20_000)]
    public async Task Peer_that_goes_while_nobody_reads_has_left()
    {
        // Busy, as in the middle of an answer: nothing is waited for.
        await SendAllAsync(_peer, "request"u8.ToArray());
        Assert.Equal(7, await _stream.ReadAsync(new byte[100]));
        await _stream.WriteAsync("answer"u8.ToArray());

        _peer.Dispose();

        await _left.Task;
    }

    // Each packet of a busy transfer would wake the loop's thread, for nothing.
    [Fact(Timeout = 20_000)]
    public async Task What_nobody_waits_for_is_heard_of_once_and_nothing_is_missed()
    {
        byte[] buffer = new byte[100];
        await SendAllAsync(_peer, "a"u8.ToArray());
        await Eventually.HoldsAsync(() => !_readiness.IsWatched, "the loop looks away");
        await SendAllAsync(_peer, "b"u8.ToArray());

        Assert.Equal("ab"u8.ToArray(), buffer[..await _stream.ReadAsync(buffer)]);
        ValueTask<int> read = _stream.ReadAsync(buffer);
        Assert.False(read.IsCompleted);
        Assert.True(_readiness.IsWatched, "Now somebody waits");
        await SendAllAsync(_peer, "c"u8.ToArray());

        Assert.Equal("c"u8.ToArray(), buffer[..await read]);
    }

    [Fact(Timeout = 20_000)]
    public async Task Reset_is_a_failure_of_reader_and_writer()
    {
        Task<int> read = _stream.ReadAsync(new byte[100]).AsTask();
        Task write = _stream.WriteAsync(new byte[MoreThanSocketsHold]).AsTask();
        _peer.LingerState = new LingerOption(true, 0);
        _peer.Dispose();

        await Assert.ThrowsAsync<IOException>(() => write);
        // A Unix socket's end is no reset for who reads.
        Exception? failure = await Record.ExceptionAsync(() => read);
        Assert.True(failure is IOException || (failure is null && await read == 0));
        await _left.Task;
    }

    [Theory(Timeout = 20_000)]
    [InlineData(0, false)]
    [InlineData(100, false)]
    [InlineData(0, true)]
    [InlineData(100, true)]
    public async Task What_waits_fails_when_the_connection_is_disposed_or_aborted(int size, bool isAborted)
    {
        Task<int> read = _stream.ReadAsync(new byte[size]).AsTask();
        Task write = _stream.WriteAsync(new byte[MoreThanSocketsHold]).AsTask();
        Assert.False(read.IsCompleted || write.IsCompleted);

        if (isAborted)
        {
            _stream.Abort(new IOException("on purpose"));
            await Assert.ThrowsAsync<IOException>(() => read);
            await Assert.ThrowsAsync<IOException>(() => write);
        }
        else
        {
            await _stream.DisposeAsync();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => read);
            await Assert.ThrowsAsync<ObjectDisposedException>(() => write);
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Cancelled_write_breaks_the_connection()
    {
        using var cancel = new CancellationTokenSource();
        Task write = _stream.WriteAsync(new byte[MoreThanSocketsHold], cancel.Token).AsTask();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write);
        await Assert.ThrowsAsync<IOException>(async () => await _stream.WriteAsync(new byte[1]));
    }

    private protected static async Task SendAllAsync(Socket socket, byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent));
        }
    }

    private static async Task ReceiveAllAsync(Socket socket, byte[] bytes)
    {
        for (int received = 0; received < bytes.Length;)
        {
            received += await socket.ReceiveAsync(bytes.AsMemory(received));
        }
    }

    private static (Socket Accepted, Socket Peer) Connect(AddressFamily family, EndPoint address)
    {
        ProtocolType protocol = family == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp;
        using var listener = new Socket(family, SocketType.Stream, protocol);
        listener.Bind(address);
        listener.Listen();
        var peer = new Socket(family, SocketType.Stream, protocol);
        peer.Connect(listener.LocalEndPoint!);
        return (listener.Accept(), peer);
    }

    public sealed class OverTcp()
        : PlainStreamTests(Connect(AddressFamily.InterNetwork, new IPEndPoint(IPAddress.Loopback, 0)));

    public sealed class OverUnixSocket()
        : PlainStreamTests(Connect(
            AddressFamily.Unix, new UnixDomainSocketEndPoint($"\0imageio-test-{Guid.NewGuid():N}")))
    {
        // A client of a storage that hangs must be seen to leave, however soon it does (issue 15, B8).
        [Fact(Timeout = 20_000)]
        public async Task Peer_that_left_before_its_connection_was_opened_is_seen_to_have_left()
        {
            (Socket accepted, Socket peer) = Connect(
                AddressFamily.Unix, new UnixDomainSocketEndPoint($"\0imageio-test-{Guid.NewGuid():N}"));
            LibC.SetNonBlocking(accepted.SafeHandle);
            var readiness = new SocketReadiness();
            await SendAllAsync(peer, "request"u8.ToArray());
            peer.Dispose();
            readiness.Reader.Arm();
            readiness.Join(Loop, accepted.SafeHandle);
            await Eventually.HoldsAsync(() => readiness.Reader.HasHeard, "the loop has told of it");

            var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var stream = new PlainStream(accepted.SafeHandle, readiness, left.SetResult);
            Assert.Equal(7, await stream.ReadAsync(new byte[7]));
            Assert.Equal(0, await stream.ReadAsync(new byte[7]));

            await left.Task;
            await stream.DisposeAsync();
            readiness.Leave();
            accepted.Dispose();
        }

        // Over TCP that looks like the end of its sending side.
        [Fact(Timeout = 20_000)]
        public async Task Peer_that_hangs_up_behind_unread_bytes_has_left_when_they_are_read()
        {
            await SendAllAsync(Peer, "request"u8.ToArray());
            Peer.Dispose();
            await Eventually.HoldsAsync(() => Readiness.Reader.HasHeard, "the loop has told of it");
            Assert.False(Left.IsCompleted, "Its bytes come first");

            byte[] buffer = new byte[100];
            Assert.Equal(7, await Stream.ReadAsync(buffer.AsMemory(0, 7)));
            Assert.Equal(0, await Stream.ReadAsync(buffer));

            await Left;
        }
    }
}
