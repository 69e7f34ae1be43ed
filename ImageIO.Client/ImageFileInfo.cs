using ImageIO.Formats.Qcow2;

namespace ImageIO.Client;

/// <summary>Properties of a local image.</summary>
/// <param name="Format">Its format.</param>
/// <param name="VirtualSize">Bytes of the guest's disk.</param>
/// <param name="ActualSize">Bytes that the file takes.</param>
/// <param name="BackingFile">Name of the backing file. Null: none.</param>
/// <param name="BackingFormat">Its format. Null: unknown.</param>
/// <param name="ClusterSize">Bytes of a cluster. Null: the format has none.</param>
/// <param name="Bitmaps">Dirty bitmaps in it.</param>
/// <param name="Member">The member of an archive. Null: it is a file of its own.</param>
public sealed record ImageFileInfo(
    string Format,
    long VirtualSize,
    long ActualSize,
    string? BackingFile,
    string? BackingFormat,
    int? ClusterSize,
    IReadOnlyList<Qcow2Bitmap> Bitmaps,
    string? Member);
