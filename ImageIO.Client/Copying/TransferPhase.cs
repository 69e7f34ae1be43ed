namespace ImageIO.Client.Copying;

/// <summary>The phases of a copy.</summary>
public enum TransferPhase
{
    /// <summary>Data moves.</summary>
    Copying,

    /// <summary>Something failed; the copy waits for another attempt.</summary>
    Retrying,

    /// <summary>Checksums are compared.</summary>
    Verifying,
}
