namespace ImageIO.Client.Engine;

/// <summary>The steps of moving a disk with an Engine.</summary>
public enum DiskStep
{
    /// <summary>Engine creates the disk.</summary>
    CreatingDisk,

    /// <summary>Engine prepares a host.</summary>
    CreatingTransfer,

    /// <summary>Data is copied.</summary>
    Copying,

    /// <summary>The data is complete; Engine ends the transfer.</summary>
    Finalizing,

    /// <summary>Engine cancels the transfer after a failure.</summary>
    Cancelling,
}
