namespace ImageIO.Http.Listeners;

/// <summary>
/// Looks at all connections once a second: cheaper than a timer for each, and late by a second at most.
/// </summary>
internal static class Sweep
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Runs until it is stopped.</summary>
    /// <param name="sweep">Called once a second.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stoppingToken">Ends the sweeps, without an exception.</param>
    public static async Task RunAsync(Action sweep, TimeProvider time, CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                sweep();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }
}
