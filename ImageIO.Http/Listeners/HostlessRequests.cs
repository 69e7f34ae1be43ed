using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Lets clients in that send HTTP/1.1 without a <c>Host</c> header, as Engine's control client does: the header is put
/// in before the server, which would answer 400 by itself, sees the request.
/// </summary>
/// <remarks>
/// Stands before the control service only, whose requests are few and small. The server still judges every request:
/// where this reader is not certain where a request ends, it leaves the rest of the connection as it is.
/// </remarks>
internal static class HostlessRequests
{
    // A head that is larger will be refused by the server; it needs no header any more.
    private const int LargestHead = 64 * 1024;

    private static readonly byte[] HostLine = "Host: localhost\r\n"u8.ToArray();

    /// <summary>Runs a connection with the adapter in front of the server.</summary>
    public static async Task RunAsync(ConnectionContext context, ConnectionDelegate next)
    {
        IDuplexPipe transport = context.Transport;
        var requests = new Pipe(new PipeOptions(useSynchronizationContext: false));
        context.Transport = new DuplexPipe(requests.Reader, transport.Output);
        Task pump = PumpAsync(transport.Input, requests.Writer);
        try
        {
            await next(context);
        }
        finally
        {
            await requests.Reader.CompleteAsync();
            transport.Input.CancelPendingRead();
            await pump;
            context.Transport = transport;
        }
    }

    private static async Task PumpAsync(PipeReader client, PipeWriter server)
    {
        Exception? failure = null;
        try
        {
            while (await PassHeadAsync(client, server) is { } body && await PassBodyAsync(client, server, body))
            {
            }
        }
        catch (IOException e)
        {
            // The client's side broke; the server learns it from its own reads.
            failure = e;
        }

        // Not the client's side: what still comes may have to be thrown away before the connection is closed.
        await server.CompleteAsync(failure);
    }

    // Passes one head on; null at the end of the connection.
    private static async Task<RequestFraming?> PassHeadAsync(PipeReader client, PipeWriter server)
    {
        while (true)
        {
            ReadResult read = await client.ReadAsync();
            ReadOnlySequence<byte> bytes = read.Buffer;
            if (read.IsCanceled || (read.IsCompleted && bytes.IsEmpty))
            {
                return null;
            }

            if (FindHeadEnd(bytes) is { } end)
            {
                string head = Encoding.Latin1.GetString(bytes.Slice(0, end));
                var framing = RequestFraming.Of(head);
                // Empty lines may come before the request line (RFC 9112 section 2.2).
                int requestLine = Math.Max(head.AsSpan().IndexOfAnyExcept('\r', '\n'), 0);
                long firstLine = head.IndexOf('\n', requestLine) + 1;
                Write(server, bytes.Slice(0, firstLine));
                if (!framing.HasHost)
                {
                    server.Write(HostLine);
                }

                Write(server, bytes.Slice(firstLine, end));
                client.AdvanceTo(end);
                return await FlushAsync(server) ? framing : null;
            }

            if (read.IsCompleted || bytes.Length > LargestHead)
            {
                // Not a head that we understand: the server may say so.
                Write(server, bytes);
                client.AdvanceTo(bytes.End);
                return await FlushAsync(server) ? RequestFraming.Unknown : null;
            }

            client.AdvanceTo(bytes.Start, bytes.End);
        }
    }

    // Passes what belongs to the request's body on; false at the end of the connection.
    private static async Task<bool> PassBodyAsync(PipeReader client, PipeWriter server, RequestFraming body)
    {
        while (!body.IsAtEnd)
        {
            ReadResult read = await client.ReadAsync();
            if (read.IsCanceled || (read.IsCompleted && read.Buffer.IsEmpty))
            {
                return false;
            }

            ReadOnlySequence<byte> part = read.Buffer.Slice(0, body.Take(read.Buffer));
            Write(server, part);
            client.AdvanceTo(part.End);
            if (!await FlushAsync(server))
            {
                return false;
            }
        }

        return true;
    }

    private static async Task<bool> FlushAsync(PipeWriter server)
    {
        FlushResult flushed = await server.FlushAsync();
        return !flushed.IsCompleted && !flushed.IsCanceled;
    }

    // Behind the empty line that ends a head. Lines may end in LF alone, as the server accepts too.
    private static SequencePosition? FindHeadEnd(ReadOnlySequence<byte> bytes)
    {
        var reader = new SequenceReader<byte>(bytes);
        bool seenRequestLine = false;
        while (reader.TryReadTo(out ReadOnlySequence<byte> line, (byte)'\n'))
        {
            bool isEmpty = line.IsEmpty || (line.Length == 1 && line.FirstSpan[0] == '\r');
            if (isEmpty && seenRequestLine)
            {
                return reader.Position;
            }

            seenRequestLine |= !isEmpty;
        }

        return null;
    }

    private static void Write(PipeWriter server, ReadOnlySequence<byte> bytes)
    {
        foreach (ReadOnlyMemory<byte> part in bytes)
        {
            server.Write(part.Span);
        }
    }
}
