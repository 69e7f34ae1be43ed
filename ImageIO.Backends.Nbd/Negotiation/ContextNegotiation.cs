using System.Buffers.Binary;
using System.Text;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Negotiation;

/// <summary>The metadata contexts that a server granted.</summary>
/// <param name="Ids">Their ids on this connection.</param>
/// <param name="DirtyBitmap">Full name of the granted bitmap's context. Null: none.</param>
internal sealed record ContextNegotiation(MetaContexts Ids, string? DirtyBitmap)
{
    /// <summary>No contexts: extents are unknown.</summary>
    public static ContextNegotiation None { get; } = new(MetaContexts.None, null);

    /// <summary>Requests all useful contexts. A server that refuses has no extents, which is no failure.</summary>
    public static async ValueTask<ContextNegotiation> RunAsync(
        OptionChannel options, byte[] exportName, bool wantsDirty, CancellationToken cancellationToken)
    {
        string? bitmap = wantsDirty ? await FindBitmapAsync(options, exportName, cancellationToken) : null;
        string[] wanted = bitmap is null
            ? [MetaContexts.AllocationName, MetaContexts.DepthName]
            : [MetaContexts.AllocationName, MetaContexts.DepthName, bitmap];
        List<(uint Id, string Name)>? granted =
            await AskAsync(options, Option.SetMetaContext, exportName, wanted, cancellationToken);
        return granted is null ? None : Choose(granted, bitmap);
    }

    // Null if there are none or several: with a wrong bitmap a backup would lack changes.
    private static async ValueTask<string?> FindBitmapAsync(
        OptionChannel options, byte[] exportName, CancellationToken cancellationToken)
    {
        List<(uint Id, string Name)>? bitmaps = await AskAsync(
            options, Option.ListMetaContext, exportName, [MetaContexts.DirtyPrefix], cancellationToken);
        return bitmaps is [var only] && only.Name.StartsWith(MetaContexts.DirtyPrefix, StringComparison.Ordinal)
            ? only.Name
            : null;
    }

    private static ContextNegotiation Choose(List<(uint Id, string Name)> granted, string? bitmap)
    {
        if (granted.Select(context => context.Id).Distinct().Count() != granted.Count)
        {
            throw NbdException.Protocol("two metadata contexts with one id");
        }

        uint? IdOf(string? name) => granted
            .Where(context => context.Name == name)
            .Select(context => (uint?)context.Id)
            .FirstOrDefault();

        var ids = new MetaContexts
        {
            Allocation = IdOf(MetaContexts.AllocationName),
            Depth = IdOf(MetaContexts.DepthName),
            Dirty = IdOf(bitmap),
        };
        return ids.Count == granted.Count
            ? new ContextNegotiation(ids, ids.Dirty is null ? null : bitmap)
            : throw NbdException.Protocol("metadata contexts that were not asked for");
    }

    // Null: the server refused.
    private static async ValueTask<List<(uint Id, string Name)>?> AskAsync(
        OptionChannel options, Option option, byte[] exportName, string[] queries, CancellationToken cancellationToken)
    {
        byte[] count = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(count, queries.Length);
        byte[] data = [.. exportName, .. count, .. queries.SelectMany(Handshake.Text)];
        await options.SendAsync(option, data, cancellationToken);
        var contexts = new List<(uint, string)>();
        OptionResult result = await options.ReceiveAsync(
            option, (type, reply) => contexts.Add(Parse(option, type, reply.Span)), cancellationToken);
        return result.IsAck ? contexts : null;
    }

    private static (uint Id, string Name) Parse(Option option, OptionReplyType type, ReadOnlySpan<byte> reply) =>
        type == OptionReplyType.MetaContext && reply.Length is >= 4 and <= 4 + ServerText.Most
            ? (BinaryPrimitives.ReadUInt32BigEndian(reply), Encoding.UTF8.GetString(reply[4..]))
            : throw NbdException.Protocol($"a reply of type {(uint)type} with {reply.Length} bytes to option {option}");
}
