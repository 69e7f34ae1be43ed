using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Negotiation;

/// <summary>A server's statement about an export. Compared when a connection is opened again.</summary>
/// <param name="Size">Bytes that can be read and written: whole blocks.</param>
/// <param name="Flags">The offers of the export.</param>
/// <param name="BlockSize">Bytes that offsets and lengths must be multiples of.</param>
/// <param name="LargestPayload">Most bytes of one read or write.</param>
/// <param name="HasStructuredReplies">Whether replies come in chunks.</param>
/// <param name="HasAllocation">Whether extents tell zero ranges: context <c>base:allocation</c>.</param>
/// <param name="HasDepth">Whether extents tell allocated ranges: context <c>qemu:allocation-depth</c>.</param>
/// <param name="DirtyBitmap">Name of the context for dirty ranges. Null: none was asked for, or there is not exactly
/// one.</param>
internal sealed record ExportInfo(
    long Size,
    ExportFlags Flags,
    int BlockSize,
    int LargestPayload,
    bool HasStructuredReplies,
    bool HasAllocation,
    bool HasDepth,
    string? DirtyBitmap)
{
    /// <summary>Whether a flag is set.</summary>
    public bool Has(ExportFlags flag) => (Flags & flag) != 0;
}
