namespace ImageIO.Client;

/// <summary>How to open a local image.</summary>
public sealed record ImageFileOptions
{
    /// <summary>Its format, like <c>raw</c> or <c>qcow2</c>. Null: detected from the first bytes.</summary>
    public string? Format { get; init; }

    /// <summary>A member of the file, which is an archive (OVA). Null: the file is the image.</summary>
    public string? Member { get; init; }

    /// <summary>Whether backing files belong to the image. False: ranges that only they have are holes.</summary>
    public bool WithBackingChain { get; init; } = true;
}
