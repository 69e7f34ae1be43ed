using System.Buffers.Binary;
using System.Text;
using ImageIO.Backends.Nbd.Addresses;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Negotiation;

/// <summary>Negotiates with a server, from its greeting to the first request.</summary>
/// <remarks>
/// <code>
///   1. greeting          the server must know fixed newstyle
///   2. STARTTLS          nbds only; never plain text instead
///   3. STRUCTURED_REPLY  refused: simple replies, and no extents
///   4. LIST_META_CONTEXT only where dirty extents are wanted: which bitmaps there are
///   5. SET_META_CONTEXT  zero, depth, and the one bitmap
///   6. GO                size, flags and block sizes; requests may follow
/// </code>
/// </remarks>
/// <param name="url">The export.</param>
/// <param name="wantsDirty">Whether dirty extents are wanted.</param>
/// <param name="encrypt">Goes on in TLS; only called for a URL with TLS.</param>
/// <param name="time">The clock.</param>
internal sealed class Handshake(
    NbdUrl url, bool wantsDirty, Func<Stream, CancellationToken, ValueTask<Stream>> encrypt, TimeProvider time)
{
    private const int GreetingSize = 18;
    private const ushort FixedNewstyle = 1;
    private const ushort NoZeroes = 2;

    // Name of the export with its length before it, as three options want it.
    private readonly byte[] _name = Text(url.ExportName);

    /// <summary>Waits for the greeting and negotiates. If this fails, the caller disposes the stream.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="greetingTimeout">
    /// Time limit for the greeting: a server with its maximum of clients accepts one more and stays silent. Null: no
    /// limit but
    /// <paramref name="cancellationToken"/>.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="NbdException">The server refused, or broke the protocol.</exception>
    public async ValueTask<NegotiatedConnection> RunAsync(
        Stream stream, TimeSpan? greetingTimeout, CancellationToken cancellationToken)
    {
        var reader = new WireReader(stream, time);
        await GreetAsync(stream, reader, greetingTimeout, cancellationToken);
        if (url.Tls)
        {
            stream = await StartTlsAsync(stream, reader, cancellationToken);
            reader = new WireReader(stream, time);
        }

        var options = new OptionChannel(stream, reader);
        await options.SendAsync(Option.StructuredReply, default, cancellationToken);
        OptionResult structured = await options.ReceiveAsync(Option.StructuredReply, take: null, cancellationToken);
        RequirePlainAllowed(structured);
        ContextNegotiation contexts = structured.IsAck
            ? await ContextNegotiation.RunAsync(options, _name, wantsDirty, cancellationToken)
            : ContextNegotiation.None;
        ExportInfo export = await GoAsync(options, structured.IsAck, contexts, cancellationToken);
        return new NegotiatedConnection(stream, reader, export, contexts.Ids);
    }

    /// <summary>A text with its length before it.</summary>
    internal static byte[] Text(string text)
    {
        byte[] bytes = new byte[4 + Encoding.UTF8.GetByteCount(text)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - 4);
        Encoding.UTF8.GetBytes(text, bytes.AsSpan(4));
        return bytes;
    }

    private async ValueTask GreetAsync(
        Stream stream, WireReader reader, TimeSpan? greetingTimeout, CancellationToken cancellationToken)
    {
        using var greeting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using ITimer timer = time.CreateTimer(
            static source => ((CancellationTokenSource)source!).Cancel(),
            greeting,
            greetingTimeout ?? Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        await reader.RequireAsync(GreetingSize, greeting.Token);
        ushort offered = ParseGreeting(reader.Take(GreetingSize));
        byte[] flags = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(flags, (uint)(offered & (FixedNewstyle | NoZeroes)));
        await stream.WriteAsync(flags, cancellationToken);
    }

    private static ushort ParseGreeting(ReadOnlySpan<byte> greeting)
    {
        ushort flags = BinaryPrimitives.ReadUInt16BigEndian(greeting[16..]);
        return BinaryPrimitives.ReadUInt64BigEndian(greeting) == Magic.Greeting
            && BinaryPrimitives.ReadUInt64BigEndian(greeting[8..]) == Magic.Option
            && (flags & FixedNewstyle) != 0
                ? flags
                : throw new NbdException("it is no NBD server, or one that only knows the protocol from before 2013");
    }

    private async ValueTask<Stream> StartTlsAsync(Stream stream, WireReader reader, CancellationToken cancellationToken)
    {
        var options = new OptionChannel(stream, reader);
        await options.SendAsync(Option.StartTls, default, cancellationToken);
        OptionResult result = await options.ReceiveAsync(Option.StartTls, take: null, cancellationToken);
        if (!result.IsAck)
        {
            throw new NbdException(
                $"the server does not encrypt ({result}): give it TLS certificates, or use nbd instead of nbds");
        }

        // Bytes that arrived before the TLS handshake are not authenticated.
        if (!reader.Buffered.IsEmpty)
        {
            throw NbdException.Protocol("bytes between the answer to STARTTLS and the TLS handshake");
        }

        return await encrypt(stream, cancellationToken);
    }

    private async ValueTask<ExportInfo> GoAsync(
        OptionChannel options, bool structured, ContextNegotiation contexts, CancellationToken cancellationToken)
    {
        // One information request follows the name: block sizes.
        byte[] go = [.. _name, 0, 1, 0, (byte)ExportReply.BlockSizeInfo];
        await options.SendAsync(Option.Go, go, cancellationToken);
        var reply = new ExportReply();
        OptionResult result = await options.ReceiveAsync(Option.Go, reply.Take, cancellationToken);
        RequirePlainAllowed(result);
        return result.Type switch
        {
            OptionReplyType.Ack => reply.ToExport(structured, contexts),
            OptionReplyType.UnknownExport => throw new NbdException(
                $"the server has no export named '{ServerText.Of(_name.AsSpan(4))}' ({result})"),
            OptionReplyType.Unsupported =>
                throw new NbdException("the server is too old: it does not know the option GO"),
            _ => throw new NbdException($"the server refused the export ({result})"),
        };
    }

    private void RequirePlainAllowed(OptionResult result)
    {
        if (result.Type == OptionReplyType.TlsRequired && !url.Tls)
        {
            throw new NbdException($"the server wants TLS, use nbds ({result})");
        }
    }
}
