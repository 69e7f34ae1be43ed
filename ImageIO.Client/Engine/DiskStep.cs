namespace ImageIO.Client.Engine;

/// <summary>The steps of moving a disk with an Engine.</summary>
public enum DiskStep
{
    /// <summary>Engine makes the disk.</summary>
    CreatingDisk,

    /// <summary>Engine prepares a host.</summary>
    CreatingTransfer,

    /// <summary>Data moves.</summary>
    Copying,

    /// <summary>The data is complete; Engine ends the transfer.</summary>
    Finalizing,

    /// <summary>Something failed; Engine gives the transfer up.</summary>
    Cancelling,
}
