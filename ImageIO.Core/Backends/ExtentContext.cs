namespace ImageIO.Core.Backends;

/// <summary>The property of an image's ranges that extents tell.</summary>
public enum ExtentContext
{
    /// <summary>Which ranges read as zeroes.</summary>
    Zero,

    /// <summary>Which ranges changed since a checkpoint.</summary>
    Dirty,
}
