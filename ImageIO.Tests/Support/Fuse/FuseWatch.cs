using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ImageIO.Tests.Support.Fuse;

/// <summary>
/// Unmounts the file systems of a test process that is killed. Such a process cannot end by itself while a thread of it
/// waits for its own file system: the thread cannot be killed, and keeps the descriptor open by whose end the wait
/// would end.
/// </summary>
internal static partial class FuseWatch
{
    private static readonly Lazy<Process> Watch = new(Start);

    /// <summary>
    /// Sees to it that the directories that begin like this are unmounted when this process has been killed.
    /// </summary>
    public static void EnsureStarted() => _ = Watch.Value;

    /// <summary>How the directories of a process begin.</summary>
    public static string PrefixOf(int process) => Path.Combine(Path.GetTempPath(), $"imageio-fuse-{process}-");

    private static Process Start()
    {
        var started = new TaskCompletionSource<int>();
        // A thread that never waits for a file system, so it is gone as soon as the process is killed.
        new Thread(() =>
        {
            started.SetResult(ThreadId());
            new ManualResetEventSlim().Wait();
        })
        { IsBackground = true, Name = "fuse watch" }.Start();
        const string Script = """
            exec </dev/null >/dev/null 2>&1
            while [ -d "$1" ]; do sleep 1; done
            for directory in "$2"*; do umount -f "$directory"; umount -l "$directory"; rmdir "$directory"; done
            """;
        return Process.Start(
            "sh",
            [
                "-c", Script, "sh", $"/proc/{Environment.ProcessId}/task/{started.Task.GetAwaiter().GetResult()}",
                PrefixOf(Environment.ProcessId),
            ]);
    }

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int ThreadId();
}
