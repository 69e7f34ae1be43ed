namespace ImageIO.Backends.Nbd.Wire;

/// <summary>Properties of the export at the end of the negotiation (transmission flags).</summary>
[Flags]
internal enum ExportFlags : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The other flags are valid.</summary>
    HasFlags = 1 << 0,

    /// <summary>Writes are refused.</summary>
    ReadOnly = 1 << 1,

    /// <summary>The server supports flush.</summary>
    SendFlush = 1 << 2,

    /// <summary>The server supports zeroing.</summary>
    SendWriteZeroes = 1 << 6,

    /// <summary>A flush on one connection covers the writes of all.</summary>
    MultiConn = 1 << 8,
}
