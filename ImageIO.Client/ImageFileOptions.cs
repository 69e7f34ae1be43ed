namespace ImageIO.Client;

/// <summary>How a local image is opened.</summary>
public sealed record ImageFileOptions
{
    /// <summary>Its format, like <c>raw</c> or <c>qcow2</c>. Null: it is told by the first bytes.</summary>
    public string? Format { get; init; }

    /// <summary>A member of the archive (OVA) that the file is. Null: the file is the image.</summary>
    public string? Member { get; init; }

    /// <summary>Whether the backing files belong to the image. False: what only they have is a hole.</summary>
    public bool WithBackingChain { get; init; } = true;
}
