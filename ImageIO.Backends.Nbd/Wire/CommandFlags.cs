namespace ImageIO.Backends.Nbd.Wire;

/// <summary>Flags of a request.</summary>
[Flags]
internal enum CommandFlags : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Of <see cref="Command.WriteZeroes"/>: keep the space, or allocate it.</summary>
    NoHole = 1 << 1,
}
