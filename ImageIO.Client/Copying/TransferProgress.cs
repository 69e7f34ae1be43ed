namespace ImageIO.Client.Copying;

/// <summary>How far a copy is.</summary>
/// <param name="Phase">What it does.</param>
/// <param name="Transferred">Bytes of the image that are done; zeroes and ranges that were skipped count.</param>
/// <param name="Size">Bytes of the image.</param>
/// <param name="Sent">Bytes of image data that went over the network, again sent ones too.</param>
/// <param name="Retries">Attempts after failures so far.</param>
public readonly record struct TransferProgress(
    TransferPhase Phase, long Transferred, long Size, long Sent, int Retries);
