namespace ImageIO.Client.Local;

/// <summary>What a qemu-nbd shall serve.</summary>
/// <param name="Format">The image's format, by qemu's name.</param>
internal sealed record QemuImage(string Format)
{
    /// <summary>Where the image lies in the file. Null: it is the whole file.</summary>
    public (long Offset, long Size)? Window { get; init; }

    /// <summary>Whether it is written.</summary>
    public bool CanWrite { get; init; }
}
