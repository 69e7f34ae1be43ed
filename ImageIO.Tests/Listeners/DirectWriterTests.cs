using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using ImageIO.Tests.Support;
using ImageIO.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Listeners;

/// <summary>Memory that is lent to a connection, over a real socket.</summary>
public sealed class DirectWriterTests : IDisposable
{
    private readonly EventLoop _loop = new(0, NullLogger.Instance);
    private readonly SocketReadiness _readiness = new();
    private readonly Socket _socket;
    private readonly Socket _peer;
    private readonly PlainStream _stream;
    private readonly DirectWriter _writer;

    public DirectWriterTests()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint($"\0imageio-test-{Guid.NewGuid():N}"));
        listener.Listen();
        _peer = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _peer.Connect(listener.LocalEndPoint!);
        _socket = listener.Accept();
        LibC.SetNonBlocking(_socket.SafeHandle);
        _readiness.Join(_loop, _socket.SafeHandle);
        _stream = new PlainStream(_socket.SafeHandle, _readiness, () => { });
        _writer = new DirectWriter(PipeWriter.Create(_stream, new StreamPipeWriterOptions(leaveOpen: true)), _stream);
    }

    public void Dispose()
    {
        _stream.Dispose();
        _readiness.Leave();
        _socket.Dispose();
        _peer.Dispose();
        _loop.Dispose();
    }

    [Fact(Timeout = 20_000)]
    public async Task Lent_bytes_come_behind_what_was_written_before_and_are_not_copied()
    {
        // More than the socket holds: the flush waits, and the memory must still be there.
        byte[] lent = Bytes.Random(3_000_000);
        byte[] received = new byte[4 + lent.Length + 4];
        _writer.Write("head"u8);
        _writer.Lend(lent);

        Memory<byte> room = _writer.GetMemory(lent.Length);
        Assert.True(room.Span.Overlaps(lent, out int offset) && offset == 0, "It is the lent memory itself");
        _writer.Advance(lent.Length);
        Assert.Equal(4 + lent.Length, _writer.UnflushedBytes);
        Task<FlushResult> flush = _writer.FlushAsync().AsTask();
        Assert.False(flush.IsCompleted, "There is no room for all of it");
        Task receive = ReceiveAllAsync(received);
        await flush;
        _writer.TakeBack();
        _writer.Write("tail"u8);
        await _writer.FlushAsync();
        await receive;

        Bytes.AssertEqual([.. "head"u8, .. lent, .. "tail"u8], received, "what the peer received");
    }

    [Fact(Timeout = 20_000)]
    public async Task Who_asks_for_memory_of_another_size_does_not_get_the_lent()
    {
        byte[] lent = Bytes.Random(100);
        _writer.Lend(lent);

        Assert.False(_writer.GetMemory(50).Span.Overlaps(lent));
        _writer.Write("other"u8);
        await _writer.FlushAsync();
        _writer.TakeBack();
        byte[] received = new byte[5];
        await ReceiveAllAsync(received);

        Assert.Equal("other"u8.ToArray(), received);
    }

    // Its length was promised to the client but it is never sent, so later bytes would be taken for it.
    [Fact(Timeout = 20_000)]
    public async Task Write_that_is_given_up_before_its_flush_ends_the_connection()
    {
        byte[] lent = Bytes.Random(100);
        _writer.Lend(lent);
        _writer.GetMemory(lent.Length);
        _writer.Advance(lent.Length);

        _writer.TakeBack();

        await Assert.ThrowsAsync<IOException>(async () => await _stream.WriteAsync(new byte[1]));
    }

    [Fact(Timeout = 20_000)]
    public async Task Flush_that_is_cancelled_ends_the_connection_and_lets_go_of_the_memory()
    {
        byte[] lent = Bytes.Random(32 << 20);
        using var cancel = new CancellationTokenSource();
        _writer.Lend(lent);
        _writer.GetMemory(lent.Length);
        _writer.Advance(lent.Length);
        Task<FlushResult> flush = _writer.FlushAsync(cancel.Token).AsTask();
        Assert.False(flush.IsCompleted);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flush);
        _writer.TakeBack();
        await Assert.ThrowsAsync<IOException>(async () => await _stream.WriteAsync(new byte[1]));
    }

    private async Task ReceiveAllAsync(byte[] bytes)
    {
        for (int received = 0; received < bytes.Length;)
        {
            received += await _peer.ReceiveAsync(bytes.AsMemory(received));
        }
    }
}
