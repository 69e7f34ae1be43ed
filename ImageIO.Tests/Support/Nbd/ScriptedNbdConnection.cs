using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace ImageIO.Tests.Support.Nbd;

/// <summary>
/// The server's side of one connection, message by message. Numbers of the protocol stand here once more, on purpose.
/// </summary>
internal sealed class ScriptedNbdConnection(Socket socket, int number, CancellationToken stop) : IDisposable
{
    public const uint Ack = 1;
    public const uint Info = 3;
    public const uint Meta = 4;
    public const uint StartTls = 5;
    public const uint Go = 7;
    public const uint StructuredReply = 8;
    public const uint ListMeta = 9;
    public const uint SetMeta = 10;

    private readonly NetworkStream _stream = new(socket, ownsSocket: true);

    /// <summary>Which connection to the server it is, from 1 on.</summary>
    public int Number => number;

    /// <summary>Whether everything is sent a byte at a time.</summary>
    public bool Trickles { get; set; }

    public static byte[] Bytes(params object[] parts)
    {
        var bytes = new List<byte>();
        foreach (object part in parts)
        {
            byte[] encoded = part switch
            {
                byte[] raw => raw,
                string text => Encoding.UTF8.GetBytes(text),
                ushort value => BigEndian(value, 2),
                uint value => BigEndian(value, 4),
                ulong value => BigEndian(value, 8),
                _ => throw new ArgumentException($"{part.GetType()}"),
            };
            bytes.AddRange(encoded);
        }

        return [.. bytes];
    }

    public async Task SendAsync(params object[] parts)
    {
        byte[] bytes = Bytes(parts);
        int piece = Trickles ? 1 : Math.Max(bytes.Length, 1);
        for (int sent = 0; sent < bytes.Length; sent += piece)
        {
            await _stream.WriteAsync(bytes.AsMemory(sent, Math.Min(piece, bytes.Length - sent)), stop);
        }
    }

    public async Task<byte[]> ReceiveAsync(int count)
    {
        byte[] bytes = new byte[count];
        await _stream.ReadExactlyAsync(bytes, stop);
        return bytes;
    }

    /// <summary>Waits until the client has closed the connection; what it still sends is ignored.</summary>
    public async Task ReceiveEndAsync()
    {
        byte[] ignored = new byte[4096];
        try
        {
            while (await _stream.ReadAsync(ignored, stop) > 0)
            {
            }
        }
        catch (IOException)
        {
            // It closed before it had read everything.
        }
    }

    /// <summary>Does nothing until the test ends.</summary>
    public Task BeSilentAsync() => Task.Delay(Timeout.Infinite, stop);

    public async Task GreetAsync()
    {
        await SendAsync(0x4e42444d41474943UL, 0x49484156454f5054UL, (ushort)3);
        Assert.Equal(Bytes(3u), await ReceiveAsync(4));
    }

    public async Task<(uint Option, byte[] Data)> ReceiveOptionAsync()
    {
        byte[] head = await ReceiveAsync(16);
        Assert.Equal(0x49484156454f5054UL, BinaryPrimitives.ReadUInt64BigEndian(head));
        byte[] data = await ReceiveAsync(BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(12)));
        return (BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(8)), data);
    }

    public Task ReplyAsync(uint option, uint type, params object[] data)
    {
        byte[] bytes = Bytes(data);
        return SendAsync(0x0003e889045565a9UL, option, type, (uint)bytes.Length, bytes);
    }

    /// <summary>Negotiates as an honest server does.</summary>
    public async Task NegotiateAsync(ScriptedExport export)
    {
        await GreetAsync();
        while (true)
        {
            (uint option, _) = await ReceiveOptionAsync();
            if (await AnswerAsync(option, export))
            {
                return;
            }
        }
    }

    /// <summary>Answers one option as an honest server does. True: requests follow.</summary>
    public async Task<bool> AnswerAsync(uint option, ScriptedExport export)
    {
        switch (option)
        {
            case StructuredReply when !export.Structured:
                await ReplyAsync(option, 0x8000_0001);
                return false;
            case ListMeta:
                foreach (string bitmap in export.Bitmaps)
                {
                    await ReplyAsync(option, Meta, 0u, bitmap);
                }

                break;
            case SetMeta:
                foreach ((uint id, string name) in export.Contexts)
                {
                    await ReplyAsync(option, Meta, id, name);
                }

                break;
            case Go:
                await ReplyAsync(option, Info, (ushort)0, (ulong)export.Size, export.Flags);
                await ReplyAsync(option, Info, (ushort)1, "a name");
                await ReplyAsync(option, Info, (ushort)3, export.MinimumBlock, 4096u, export.MaximumPayload);
                break;
        }

        await ReplyAsync(option, Ack);
        return option == Go;
    }

    public async Task<ScriptedNbdRequest> ReceiveRequestAsync()
    {
        byte[] head = await ReceiveAsync(28);
        Assert.Equal(0x25609513u, BinaryPrimitives.ReadUInt32BigEndian(head));
        ushort command = BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(6));
        uint length = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(24));
        return new ScriptedNbdRequest(
            BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(4)),
            command,
            BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(8)),
            BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(16)),
            length,
            command == ScriptedNbdRequest.Write ? await ReceiveAsync((int)length) : []);
    }

    public Task SimpleAsync(ScriptedNbdRequest request, uint error = 0, params object[] data) =>
        SendAsync(0x67446698u, error, request.Cookie, Bytes(data));

    public Task ChunkAsync(ScriptedNbdRequest request, ushort type, bool done, params object[] payload)
    {
        byte[] bytes = Bytes(payload);
        return SendAsync(0x668e33efu, (ushort)(done ? 1 : 0), type, request.Cookie, (uint)bytes.Length, bytes);
    }

    /// <summary>
    /// Answers requests as an honest server of zeroes does, until the client leaves. Returns at a disconnect.
    /// </summary>
    public async Task ServeAsync(bool structured = true)
    {
        while (await ReceiveRequestAsync() is { Command: not ScriptedNbdRequest.Disconnect } request)
        {
            await AnswerAsync(request, structured);
        }
    }

    /// <summary>Answers one request as an honest server of zeroes does.</summary>
    public Task AnswerAsync(ScriptedNbdRequest request, bool structured = true) =>
        request.Command != ScriptedNbdRequest.Read ? SimpleAsync(request)
        : structured ? ChunkAsync(request, type: 1, done: true, request.Offset, new byte[request.Length])
        : SimpleAsync(request, 0, new byte[request.Length]);

    public void Dispose() => _stream.Dispose();

    private static byte[] BigEndian(ulong value, int bytes) =>
        [.. Enumerable.Range(0, bytes).Select(i => (byte)(value >> (8 * (bytes - 1 - i))))];
}
