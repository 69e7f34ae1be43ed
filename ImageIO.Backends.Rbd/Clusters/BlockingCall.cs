using ImageIO.Core.Errors;

namespace ImageIO.Backends.Rbd.Clusters;

/// <summary>Runs each blocking call on a thread of its own, because some never return.</summary>
internal static class BlockingCall
{
    // Calls of librbd and librados need 62 KiB here; a diff of a striped image a little more.
    private const int StackSize = 1024 * 1024;

    /// <summary>Makes a call on a new thread.</summary>
    /// <param name="name">Name of the thread, at most 15 characters.</param>
    /// <param name="call">The call.</param>
    public static Task<T> RunAsync<T>(string name, Func<T> call)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => Run(call, result), StackSize) { IsBackground = true, Name = name };
        try
        {
            thread.Start();
        }
        catch (OutOfMemoryException e)
        {
            // The limit of threads is reached (pids cgroup, RLIMIT_NPROC).
            throw new TransferException(
                TransferError.Overloaded, "The host refuses another thread, which Ceph needs", e);
        }

        return result.Task;
    }

    private static void Run<T>(Func<T> call, TaskCompletionSource<T> result)
    {
        try
        {
            result.SetResult(call());
        }
#pragma warning disable CA1031 // Handed to the caller, whatever it is.
        catch (Exception e)
#pragma warning restore CA1031
        {
            result.SetException(e);
        }
    }
}
