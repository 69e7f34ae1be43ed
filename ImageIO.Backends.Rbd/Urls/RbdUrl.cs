using ImageIO.Core.Backends;

namespace ImageIO.Backends.Rbd.Urls;

/// <summary>
/// An image of a cluster, as qemu names it: <c>rbd:POOL/[NAMESPACE/]IMAGE[@SNAPSHOT][:OPTION=VALUE]…</c>. A backslash
/// takes the meaning from the character behind it; nothing else is encoded.
/// </summary>
internal sealed record RbdUrl
{
    /// <summary>The scheme of such URLs.</summary>
    public const string Scheme = "rbd";

    /// <summary>The pool, never empty.</summary>
    public required string Pool { get; init; }

    /// <summary>The namespace in the pool. Empty: the pool's own.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>The image's name, never empty.</summary>
    public required string Image { get; init; }

    /// <summary>The snapshot to read. Null: the image itself.</summary>
    public string? Snapshot { get; init; }

    /// <summary>Option <c>id</c>: the user, without <c>client.</c>. Null: the configured one.</summary>
    public string? Id { get; init; }

    /// <summary>Option <c>conf</c>: which of the configured files describes the cluster. Null: the first one.</summary>
    public string? Conf { get; init; }

    /// <summary>Option <c>from_snap</c>: the snapshot that dirty extents compare with. Null: there are none.</summary>
    public string? FromSnapshot { get; init; }

    /// <summary>Takes a URL apart.</summary>
    /// <exception cref="FormatException">It has another form, or an option that is not allowed. Repeats no
    /// value.</exception>
    public static RbdUrl Parse(ImageUrl url) => new RbdUrlReader(url.Rest).Read();

    /// <summary>The image as messages call it: without options.</summary>
    public override string ToString() =>
        $"rbd:{Pool}/{(Namespace.Length == 0 ? "" : Namespace + "/")}{Image}{(Snapshot is null ? "" : "@" + Snapshot)}";
}
