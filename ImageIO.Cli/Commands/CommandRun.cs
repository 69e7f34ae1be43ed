using ImageIO.CommandLine.Output;
using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Commands;

/// <summary>Runs a command's body and returns its exit status.</summary>
internal static class CommandRun
{
    /// <summary>
    /// Runs with progress. A failure is shown as the last phase, and with its reason on standard error.
    /// </summary>
    /// <param name="progress">The progress.</param>
    /// <param name="body">The command.</param>
    /// <param name="tell">Receives the reason of a failure. Null: standard error.</param>
    public static async Task<int> RunAsync(
        ProgressWriter progress, Func<ProgressWriter, Task> body, Action<string>? tell = null)
    {
        try
        {
            await body(progress);
            progress.Dispose();
            return ExitCode.Success;
        }
        catch (Exception e) when (IsExpected(e))
        {
            progress.Begin(Phases.Failed);
            progress.Dispose();
            return Tell(e, tell);
        }
    }

    /// <summary>Runs without progress.</summary>
    public static async Task<int> RunAsync(Func<Task> body)
    {
        try
        {
            await body();
            return ExitCode.Success;
        }
        catch (Exception e) when (IsExpected(e))
        {
            return Tell(e, tell: null);
        }
    }

    private static bool IsExpected(Exception e) =>
        e is IOException or OperationCanceledException or UnauthorizedAccessException;

    private static int Tell(Exception e, Action<string>? tell)
    {
        if (e is OperationCanceledException)
        {
            return ExitCode.Failed;
        }

        tell ??= message => Console.Error.WriteLine($"imageio: {message}");
        tell(e.Message);
        return e is TransferException transfer ? ExitCode.Of(transfer.Error) : ExitCode.Failed;
    }
}
