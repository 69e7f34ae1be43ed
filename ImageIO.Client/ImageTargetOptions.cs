using ImageIO.Formats.Qcow2;

namespace ImageIO.Client;

/// <summary>Properties of a local image for a download.</summary>
public sealed record ImageTargetOptions
{
    /// <summary><c>raw</c> or <c>qcow2</c>.</summary>
    public string Format { get; init; } = "raw";

    /// <summary>Compression of qcow2 clusters.</summary>
    public Qcow2Compression Compression { get; init; }

    /// <summary>Name of a backing file in the qcow2 header. Null: none.</summary>
    public string? BackingFile { get; init; }

    /// <summary>Format of the backing file.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Whether to continue an existing file of the same size from an interrupted download.</summary>
    public bool Continues { get; init; }

    /// <summary>
    /// Whether an existing image of this format is written into, in place of a new one: it keeps its backing file,
    /// snapshots and bitmaps. All but raw then need qemu-nbd.
    /// </summary>
    public bool IsInPlace { get; init; }
}
