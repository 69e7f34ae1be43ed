namespace ImageIO.Client.Copying;

/// <summary>The progress of a copy.</summary>
/// <param name="Phase">Its phase.</param>
/// <param name="Transferred">Bytes of the image that are done, including zeroes and skipped ranges.</param>
/// <param name="Size">Bytes of the image.</param>
/// <param name="Sent">Bytes of image data sent over the network, including repeated ones.</param>
/// <param name="Retries">Attempts after failures so far.</param>
public readonly record struct TransferProgress(
    TransferPhase Phase, long Transferred, long Size, long Sent, int Retries);
