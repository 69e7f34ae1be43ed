using System.Collections.Concurrent;
using System.Diagnostics;

namespace ImageIO.Tests.Support;

/// <summary>
/// Starts programs on a thread that lives as long as the tests. nbdkit ends itself with the thread that started it
/// (prctl(2), PR_SET_PDEATHSIG), which a thread of the pool may do at any moment.
/// </summary>
internal static class LastingThread
{
    private static readonly BlockingCollection<Action> Work = [];

    static LastingThread() => new Thread(static () =>
    {
        foreach (Action work in Work.GetConsumingEnumerable())
        {
            work();
        }
    })
    { IsBackground = true, Name = "lasting" }.Start();

    public static Task<Process> StartAsync(ProcessStartInfo start)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Work.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        });
        return started.Task;
    }
}
