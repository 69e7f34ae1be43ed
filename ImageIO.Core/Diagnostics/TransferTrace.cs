using System.Diagnostics;

namespace ImageIO.Core.Diagnostics;

/// <summary>The source of all spans: requests, operations, storage calls and exchanges with other daemons.</summary>
/// <remarks>Nothing is computed without a listener. No span holds a ticket's id.</remarks>
public static class TransferTrace
{
    /// <summary>Name of the source.</summary>
    public const string Name = "ImageIO";

    /// <summary>The tag with the transfer's id, as logs have it.</summary>
    public const string TransferId = "imageio.transfer_id";

    /// <summary>The source.</summary>
    public static ActivitySource Source { get; } = new(Name);

    /// <summary>Whether a listener wants spans.</summary>
    public static bool IsWanted => Source.HasListeners();

    /// <summary>
    /// A successful storage call below this limit has no span, because a transfer makes a thousand of them each second.
    /// </summary>
    internal static TimeSpan Slow { get; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Records a storage call that failed or was slow.</summary>
    internal static void StorageCallEnded(string call, string backend, TimeSpan duration, string? failure)
    {
        if ((failure is null && duration < Slow) || !IsWanted)
        {
            return;
        }

        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using Activity? span = Source.StartActivity(
            $"storage {call}", ActivityKind.Internal, Activity.Current?.Context ?? default, startTime: now - duration);
        span?.SetTag("imageio.backend", backend);
        if (failure is not null)
        {
            span?.SetTag("error.type", failure);
            span?.SetStatus(ActivityStatusCode.Error);
        }
    }
}
