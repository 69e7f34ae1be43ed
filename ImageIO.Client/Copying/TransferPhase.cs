namespace ImageIO.Client.Copying;

/// <summary>What a copy does at the moment.</summary>
public enum TransferPhase
{
    /// <summary>Data moves.</summary>
    Copying,

    /// <summary>Something failed; the copy waits for another attempt.</summary>
    Retrying,

    /// <summary>Checksums are compared.</summary>
    Verifying,
}
