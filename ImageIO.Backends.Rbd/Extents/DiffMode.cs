namespace ImageIO.Backends.Rbd.Extents;

/// <summary>The ways to find extents.</summary>
internal enum DiffMode
{
    /// <summary>Each object is asked about.</summary>
    Objects,

    /// <summary>Object maps are compared; the answer is whole objects.</summary>
    Maps,

    /// <summary>Object maps tell the existing objects, and each of these is asked about.</summary>
    MapsThenObjects,
}
