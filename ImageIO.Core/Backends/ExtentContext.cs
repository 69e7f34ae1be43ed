namespace ImageIO.Core.Backends;

/// <summary>What a caller wants to know of an image's extents.</summary>
public enum ExtentContext
{
    /// <summary>Which ranges read as zeroes.</summary>
    Zero,

    /// <summary>Which ranges changed since a checkpoint.</summary>
    Dirty,
}
