namespace ImageIO.Core.Ranges;

/// <summary>Properties of an extent, independent of each other.</summary>
[Flags]
public enum ExtentFlags
{
    /// <summary>Data, or nothing known.</summary>
    None = 0,

    /// <summary>Reads as zeroes.</summary>
    Zero = 1,

    /// <summary>Unallocated. A backing file shows through, if there is one.</summary>
    Hole = 2,

    /// <summary>Changed since the checkpoint that a backup refers to.</summary>
    Dirty = 4,
}

/// <summary>A range of the image with one state.</summary>
/// <param name="Range">The bytes, never empty.</param>
/// <param name="Flags">Their state.</param>
public readonly record struct Extent(ByteRange Range, ExtentFlags Flags);
