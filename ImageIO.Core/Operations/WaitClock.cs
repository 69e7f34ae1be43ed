using System.Diagnostics;

namespace ImageIO.Core.Operations;

/// <summary>Adds up how long one flow of control waited. A wait that ends at once is not timed.</summary>
internal sealed class WaitClock
{
    private long _ticks;

    public TimeSpan Total => TimeSpan.FromTicks(Interlocked.Read(ref _ticks));

    public async ValueTask WaitAsync(Task task)
    {
        if (task.IsCompleted)
        {
            await task;
            return;
        }

        long started = Stopwatch.GetTimestamp();
        try
        {
            await task;
        }
        finally
        {
            Interlocked.Add(ref _ticks, Stopwatch.GetElapsedTime(started).Ticks);
        }
    }
}
