namespace ImageIO.Backends.Rbd.Extents;

/// <summary>How extents are found.</summary>
internal enum DiffMode
{
    /// <summary>Each object is asked about.</summary>
    Objects,

    /// <summary>Object maps are compared; the answer is whole objects.</summary>
    Maps,

    /// <summary>Object maps tell the objects that exist, and these are asked about.</summary>
    MapsThenObjects,
}
