namespace ImageIO.Backends.Nbd.Wire;

/// <summary>What the server says about the export when negotiation ends (transmission flags).</summary>
[Flags]
internal enum ExportFlags : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The other flags mean something.</summary>
    HasFlags = 1 << 0,

    /// <summary>Writes are refused.</summary>
    ReadOnly = 1 << 1,

    /// <summary>The server knows flush.</summary>
    SendFlush = 1 << 2,

    /// <summary>The server knows how to zero.</summary>
    SendWriteZeroes = 1 << 6,

    /// <summary>A flush on one connection covers the writes of all.</summary>
    MultiConn = 1 << 8,
}
