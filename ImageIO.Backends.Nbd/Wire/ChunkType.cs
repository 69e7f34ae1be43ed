namespace ImageIO.Backends.Nbd.Wire;

/// <summary>The payload of a chunk in a structured reply. Other types with bit 15 are errors, too.</summary>
internal enum ChunkType : ushort
{
    /// <summary>Nothing; the last one.</summary>
    None = 0,

    /// <summary>An offset and the bytes there.</summary>
    Data = 1,

    /// <summary>An offset and a length that reads as zeroes.</summary>
    Hole = 2,

    /// <summary>A metadata context and its extents.</summary>
    BlockStatus = 5,

    /// <summary>Bit 15: an error number and a text.</summary>
    Error = 0x8000,
}
