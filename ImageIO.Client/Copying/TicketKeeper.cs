using ImageIO.Client.Transport;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Copying;

/// <summary>Keeps the ticket of a copy alive that sends nothing for a while.</summary>
internal static class TicketKeeper
{
    // Servers cancel a ticket that is idle for a minute.
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(20);

    /// <summary>Does the work, and asks the server something whenever nothing was confirmed in a period.</summary>
    public static async Task DuringAsync(
        TransferClient client, CopyMeter meter, Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task keeping = KeepAliveAsync(client, meter, end.Token);
        try
        {
            await work(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            await keeping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task KeepAliveAsync(
        TransferClient client, CopyMeter meter, CancellationToken cancellationToken)
    {
        long confirmed = -1;
        while (true)
        {
            await Task.Delay(Period, client.Options.Time, cancellationToken).ConfigureAwait(false);
            if (meter.Confirmed == confirmed)
            {
                try
                {
                    await client.KeepAliveAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (TransferException)
                {
                    // The workers see this failure, too, and handle it.
                }
            }

            confirmed = meter.Confirmed;
        }
    }
}
