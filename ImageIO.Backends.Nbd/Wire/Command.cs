namespace ImageIO.Backends.Nbd.Wire;

/// <summary>The requests that this client sends.</summary>
internal enum Command : ushort
{
    /// <summary>Read bytes.</summary>
    Read = 0,

    /// <summary>Write the bytes that follow.</summary>
    Write = 1,

    /// <summary>Disconnect. Has no reply.</summary>
    Disconnect = 2,

    /// <summary>Make completed writes durable.</summary>
    Flush = 3,

    /// <summary>Make a range read as zeroes.</summary>
    WriteZeroes = 6,

    /// <summary>Extents of a range.</summary>
    BlockStatus = 7,
}
