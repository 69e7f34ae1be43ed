using System.Buffers.Binary;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Transmission;

internal sealed partial class NbdConnection
{
    // An error number, the length of a text, the text, and an offset.
    private const int ErrorHeadSize = 6;
    private const int LongestError = ErrorHeadSize + ServerText.Most + 8;

    private async Task ReceiveAsync()
    {
        while (true)
        {
            await _reader.RequireAsync(SimpleReply.Size);
            switch (BinaryPrimitives.ReadUInt32BigEndian(_reader.Buffered))
            {
                case Magic.SimpleReply:
                    await ReceiveSimpleAsync();
                    break;
                case Magic.Chunk when _structured:
                    await _reader.RequireAsync(ChunkHeader.Size);
                    await ReceiveChunkAsync();
                    break;
                default:
                    throw NbdException.Protocol("no reply where one had to begin");
            }
        }
    }

    private async ValueTask ReceiveSimpleAsync()
    {
        (ulong cookie, NbdError error) = ParseSimple();
        NbdRequest request = Find(cookie);
        if (_structured && request.Command == Command.Read)
        {
            throw NbdException.Protocol($"a simple reply to {request}");
        }

        if (error == NbdError.None)
        {
            await request.ReadSimpleAsync(_reader);
        }
        else
        {
            request.NoteError(error, "");
        }

        End(cookie, request);
    }

    private async ValueTask ReceiveChunkAsync()
    {
        (ulong cookie, ChunkType type, uint length, bool isLast) = ParseChunk();
        NbdRequest request = Find(cookie);
        switch (type)
        {
            case ChunkType.None when length == 0 && isLast:
                break;
            case ChunkType.Data:
                await request.ReadDataAsync(_reader, length);
                break;
            case ChunkType.Hole:
                await request.ReadHoleAsync(_reader, length);
                break;
            case ChunkType.BlockStatus:
                await request.ReadStatusAsync(_reader, length, _contexts);
                break;
            case >= ChunkType.Error:
                await ReceiveErrorAsync(request, length);
                break;
            default:
                throw NbdException.Protocol(
                    $"a chunk of type {(int)type} with {length} bytes in the reply to {request}");
        }

        if (isLast)
        {
            if (request.Error == NbdError.None)
            {
                request.RequireWhole(_contexts);
            }

            End(cookie, request);
        }
    }

    private async ValueTask ReceiveErrorAsync(NbdRequest request, uint length)
    {
        if (length is < ErrorHeadSize or > LongestError)
        {
            throw NbdException.Protocol($"an error of {length} bytes in the reply to {request}");
        }

        await _reader.RequireAsync(ErrorHeadSize);
        (NbdError error, int textLength) = ParseErrorHead();
        if (error == NbdError.None || textLength > Math.Min(ServerText.Most, length - ErrorHeadSize))
        {
            throw NbdException.Protocol(
                $"an error that is none, or whose text has {textLength} bytes, in the reply to {request}");
        }

        byte[] text = new byte[textLength];
        await _reader.ReadAsync(text);
        await _reader.SkipAsync(length - ErrorHeadSize - textLength);
        request.NoteError(error, ServerText.Of(text));
    }

    // The count of writes must be updated before the caller continues, and before the end of the connection can be
    // seen.
    private void End(ulong cookie, NbdRequest request)
    {
        request.IsReplied = true;
        if (request.Error == NbdError.None && request.IsChange)
        {
            Volatile.Write(ref _writes, _writes + 1);
        }
        else if (request.Error == NbdError.None && request.Command == Command.Flush)
        {
            Volatile.Write(ref _flushedWrites, Math.Max(_flushedWrites, request.CoveredWrites));
        }

        else if (request.Error == NbdError.ESHUTDOWN)
        {
            // The request fails with all others, after the connection has closed: the caller's next one must not use
            // it.
            throw new NbdException("the server is about to stop (ESHUTDOWN)");
        }

        FinishPart(cookie, request);
    }

    private NbdRequest Find(ulong cookie)
    {
        lock (_lock)
        {
            return _inFlight.TryGetValue(cookie, out NbdRequest? request) && !request.IsReplied
                ? request
                : throw NbdException.Protocol(
                    $"a reply to a request that was not sent or was answered before, cookie {cookie}");
        }
    }

    private (ulong Cookie, NbdError Error) ParseSimple()
    {
        var reply = new SimpleReply(_reader.Take(SimpleReply.Size));
        return (reply.Cookie, reply.Error);
    }

    private (ulong Cookie, ChunkType Type, uint Length, bool IsLast) ParseChunk()
    {
        var header = new ChunkHeader(_reader.Take(ChunkHeader.Size));
        return (header.Cookie, header.Type, header.Length, header.IsLast);
    }

    private (NbdError Error, int TextLength) ParseErrorHead()
    {
        ReadOnlySpan<byte> head = _reader.Take(ErrorHeadSize);
        return ((NbdError)BinaryPrimitives.ReadUInt32BigEndian(head), BinaryPrimitives.ReadUInt16BigEndian(head[4..]));
    }
}
