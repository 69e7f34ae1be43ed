namespace ImageIO.Client.Copying;

/// <summary>What is done with a part of an image.</summary>
internal enum PartKind
{
    /// <summary>Its bytes are copied.</summary>
    Data,

    /// <summary>It is made zero at the destination.</summary>
    Zero,

    /// <summary>It is zero, and the destination reads as zeroes there already.</summary>
    SkippedZero,

    /// <summary>It is not touched, and what is there is not known.</summary>
    Left,

    /// <summary>It was copied before this run: it is read for the checksum only.</summary>
    Done,
}
