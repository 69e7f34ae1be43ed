namespace ImageIO.Client.Copying;

/// <summary>Treatment of a part of an image.</summary>
internal enum PartKind
{
    /// <summary>Its bytes are copied.</summary>
    Data,

    /// <summary>It is zeroed at the destination.</summary>
    Zero,

    /// <summary>It is zero, and the destination reads as zeroes there.</summary>
    SkippedZero,

    /// <summary>It is not touched, and its content is unknown.</summary>
    Left,

    /// <summary>It was copied before this run, and is read for the checksum only.</summary>
    Done,
}
