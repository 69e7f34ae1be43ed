namespace ImageIO.Backends.Rbd.Images;

/// <summary>The functions that open an image.</summary>
internal enum OpenMode
{
    /// <summary>By name with a watch, so that the image cannot be removed.</summary>
    Watched,

    /// <summary>By name without a watch, as capabilities for reading permit.</summary>
    ReadOnly,

    /// <summary>By id without a watch, which distinguishes images of the same name.</summary>
    ReadOnlyById,
}
