namespace ImageIO.Hashing;

/// <summary>Which instructions of the processor are used, each level with all below it.</summary>
internal enum Instructions
{
    /// <summary>Ordinary ones, on any processor.</summary>
    Plain,

    /// <summary>Vectors of 256 bits.</summary>
    Avx2,

    /// <summary>Vectors of 512 bits, and rotations.</summary>
    Avx512,
}
