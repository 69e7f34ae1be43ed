namespace ImageIO.Client.Local;

/// <summary>The image that a qemu-nbd serves.</summary>
/// <param name="Format">Its format, by qemu's name.</param>
internal sealed record QemuImage(string Format)
{
    /// <summary>Where the image lies in the file. Null: it is the whole file.</summary>
    public (long Offset, long Size)? Window { get; init; }

    /// <summary>Whether it is written.</summary>
    public bool CanWrite { get; init; }
}
