using ImageIO.Formats.Qcow2;

namespace ImageIO.Client;

/// <summary>What a local image for a download shall be.</summary>
public sealed record ImageTargetOptions
{
    /// <summary><c>raw</c> or <c>qcow2</c>.</summary>
    public string Format { get; init; } = "raw";

    /// <summary>How clusters of qcow2 are packed.</summary>
    public Qcow2Compression Compression { get; init; }

    /// <summary>Name of a backing file for qcow2, as it is written in the image. Null: none.</summary>
    public string? BackingFile { get; init; }

    /// <summary>Format of the backing file.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Whether an existing file of the same size is gone on with, as an interrupted download left it.</summary>
    public bool Continues { get; init; }

    /// <summary>
    /// Whether an existing image of this format is written into, in place of a new one: it keeps its backing file,
    /// snapshots and bitmaps. All but raw then need qemu-nbd.
    /// </summary>
    public bool IsInPlace { get; init; }
}
