namespace ImageIO.Client.Copying;

/// <summary>Lets bytes through at a rate that all workers share.</summary>
internal sealed class RateLimiter(long? bytesPerSecond, TimeProvider time)
{
    private readonly Lock _lock = new();
    private long _free = time.GetTimestamp();

    /// <summary>Most bytes to ask for at once, so that they flow steadily.</summary>
    public int Slice => bytesPerSecond is { } rate ? (int)Math.Clamp(rate / 8, 4096, int.MaxValue) : int.MaxValue;

    /// <summary>Waits until so many bytes may go.</summary>
    public async ValueTask WaitAsync(int bytes, CancellationToken cancellationToken)
    {
        if (bytesPerSecond is not { } rate)
        {
            return;
        }

        TimeSpan wait;
        lock (_lock)
        {
            long now = time.GetTimestamp();
            _free = Math.Max(_free, now);
            wait = time.GetElapsedTime(now, _free);
            _free += (long)((double)bytes / rate * time.TimestampFrequency);
        }

        if (wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
        }
    }
}
