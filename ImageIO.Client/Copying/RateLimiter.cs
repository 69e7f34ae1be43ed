namespace ImageIO.Client.Copying;

/// <summary>Limits the rate of all workers together.</summary>
internal sealed class RateLimiter(long? bytesPerSecond, TimeProvider time)
{
    private readonly Lock _lock = new();
    private long _free = time.GetTimestamp();

    /// <summary>Most bytes to request at once, for a steady flow.</summary>
    public int Slice => bytesPerSecond is { } rate ? (int)Math.Clamp(rate / 8, 4096, int.MaxValue) : int.MaxValue;

    /// <summary>Waits until this many bytes may be sent.</summary>
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
