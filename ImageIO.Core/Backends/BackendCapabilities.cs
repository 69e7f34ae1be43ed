namespace ImageIO.Core.Backends;

/// <summary>
/// The features of one open image. They are asked for once, and no call is made for a feature that is missing.
/// </summary>
public sealed record BackendCapabilities
{
    /// <summary>Whether write, zero and flush are possible. False: the image was opened for reading.</summary>
    public bool CanWrite { get; init; }

    /// <summary>Whether <see cref="IBackend.ZeroAsync"/> may be called. False: zeroes are written instead.</summary>
    public bool CanZero { get; init; }

    /// <summary>Whether a write or zero past the end makes the image larger. False: the size is fixed.</summary>
    public bool CanGrow { get; init; }

    /// <summary>
    /// Whether a flush makes durable what was written through any handle on the image, as fsync(2) does. False: only
    /// through the same handle; disposal then flushes too, or fails.
    /// </summary>
    public bool FlushCoversAllHandles { get; init; }

    /// <summary>Whether extents tell zero ranges. False: the image is reported as one data extent.</summary>
    public bool HasZeroExtents { get; init; }

    /// <summary>Whether extents tell changed ranges.</summary>
    public bool HasDirtyExtents { get; init; }

    /// <summary>Most reads that may run at once, 1 or more. Default: no limit.</summary>
    public int MaxReaders { get; init; } = int.MaxValue;

    /// <summary>Most writes and zeroes that may run at once, 1 or more. Default: no limit.</summary>
    public int MaxWriters { get; init; } = int.MaxValue;
}
