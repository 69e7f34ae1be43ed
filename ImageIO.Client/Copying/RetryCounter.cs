using ImageIO.Client.Transport;

namespace ImageIO.Client.Copying;

/// <summary>Counts one worker's attempts without progress, and waits before the next one.</summary>
internal sealed class RetryCounter(CopyOptions options, CopyMeter meter, TimeProvider time)
{
    // A 500 may come from broken storage, or from a backend that needs a new connection. A second attempt shows which.
    private const int MostAfterServerFailure = 2;
    private const int MostAfterDigestMismatch = 1;

    // In units of the first delay.
    private static readonly int[] Delays = [1, 2, 4, 8, 16, 30];

    private long _confirmed = -1;
    private int _inRow;
    private int _serverFailures;
    private int _digestMismatches;

    /// <summary>Waits for the next attempt. Throws if there is none.</summary>
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
            // A named failure, so that it is not retried again.
            throw failure.ToTransferException();
        }

        meter.BeginRetry();
        // Random, so that clients that failed at the same time do not return at the same time.
        double spread = 0.8 + (Random.Shared.NextDouble() * 0.4);
        TimeSpan delay = options.RetryDelay * Delays[Math.Min(_inRow, Delays.Length) - 1] * spread;
        await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
    }
}
