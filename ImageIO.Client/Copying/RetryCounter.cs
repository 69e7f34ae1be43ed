using ImageIO.Client.Transport;

namespace ImageIO.Client.Copying;

/// <summary>One worker's attempts in a row that brought nothing forward, and how long it waits before the next.</summary>
internal sealed class RetryCounter(CopyOptions options, CopyMeter meter, TimeProvider time)
{
    // 500 may be a storage that is broken, or a backend that needs a new connection: the second attempt tells.
    private const int MostAfterServerFailure = 2;
    private const int MostAfterDigestMismatch = 1;

    // In units of the first delay.
    private static readonly int[] Delays = [1, 2, 4, 8, 16, 30];

    private long _confirmed = -1;
    private int _inRow;
    private int _serverFailures;
    private int _digestMismatches;

    /// <summary>Waits for the next attempt, or fails when there shall be none.</summary>
    public async Task WaitAsync(ExchangeException failure, CancellationToken cancellationToken)
    {
        long confirmed = meter.Confirmed;
        if (confirmed > _confirmed)
        {
            _confirmed = confirmed;
            _inRow = _serverFailures = _digestMismatches = 0;
        }

        _inRow++;
        _serverFailures += failure.Failure == ExchangeFailure.ServerFailed ? 1 : 0;
        _digestMismatches += failure.Failure == ExchangeFailure.DigestMismatch ? 1 : 0;
        if (!failure.IsWorthRetrying || _inRow > options.Retries
            || _serverFailures > MostAfterServerFailure || _digestMismatches > MostAfterDigestMismatch)
        {
            // Named already, so that nobody takes it for one more to recover from.
            throw failure.ToTransferException();
        }

        meter.BeginRetry();
        // Spread, so that clients cut at once do not come back at once.
        double spread = 0.8 + (Random.Shared.NextDouble() * 0.4);
        TimeSpan delay = options.RetryDelay * Delays[Math.Min(_inRow, Delays.Length) - 1] * spread;
        await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
    }
}
