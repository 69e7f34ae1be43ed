namespace ImageIO.Backends.Rbd.Images;

/// <summary>Which function opens an image.</summary>
internal enum OpenMode
{
    /// <summary>With a watch, by name: nobody removes it meanwhile.</summary>
    Watched,

    /// <summary>Without a watch, by name: all that capabilities for reading permit.</summary>
    ReadOnly,

    /// <summary>The same by id, which tells an image from another one of its name.</summary>
    ReadOnlyById,
}
