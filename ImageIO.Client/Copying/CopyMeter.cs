namespace ImageIO.Client.Copying;

/// <summary>Counts and reports the progress of a copy.</summary>
internal sealed class CopyMeter(long size, IProgress<TransferProgress>? progress)
{
    private long _transferred;
    private long _sent;
    private long _confirmed;
    private int _retries;

    /// <summary>Bytes that the server acknowledged or a download received. While this grows, the copy
    /// advances.</summary>
    public long Confirmed => Interlocked.Read(ref _confirmed);

    /// <summary>Adds bytes that are done. Negative: bytes that must be copied again.</summary>
    public void AddTransferred(long bytes)
    {
        Interlocked.Add(ref _transferred, bytes);
        Report(TransferPhase.Copying);
    }

    public void AddSent(long bytes) => Interlocked.Add(ref _sent, bytes);

    public void AddConfirmed(long bytes) => Interlocked.Add(ref _confirmed, bytes);

    public void BeginRetry()
    {
        Interlocked.Increment(ref _retries);
        Report(TransferPhase.Retrying);
    }

    public void Report(TransferPhase phase) => progress?.Report(new TransferProgress(
        phase, Interlocked.Read(ref _transferred), size, Interlocked.Read(ref _sent), Volatile.Read(ref _retries)));
}
