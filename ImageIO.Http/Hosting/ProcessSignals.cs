using System.Runtime.InteropServices;

namespace ImageIO.Http.Hosting;

/// <summary>Handles signals that would end the process where an error is enough.</summary>
public static partial class ProcessSignals
{
    // signal(7): the same on x86-64 and arm64.
    private const int SIGXFSZ = 25;

    // signal(2): SIG_IGN.
    private const nint Ignore = 1;

    /// <summary>
    /// Makes a write beyond the process' largest file size (RLIMIT_FSIZE) fail with EFBIG instead of ending the process
    /// (setrlimit(2)).
    /// </summary>
    public static void LetTooLargeFilesFail() => _ = Signal(SIGXFSZ, Ignore);

    [LibraryImport("libc", EntryPoint = "signal", SetLastError = true)]
    private static partial nint Signal(int number, nint handler);
}
