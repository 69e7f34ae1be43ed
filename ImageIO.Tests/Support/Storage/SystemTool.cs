using CliWrap;
using CliWrap.Buffered;

namespace ImageIO.Tests.Support.Storage;

/// <summary>Programs of the system that tests of real storage need.</summary>
internal static class SystemTool
{
    /// <summary>Why a test that needs root and some programs cannot run here. Null: it can.</summary>
    public static string? WhyNot(params string[] programs)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return "needs root, for loop devices and mounts";
        }

        string[] missing = [.. programs.Where(program => Find(program) is null)];
        return missing.Length == 0 ? null : $"needs {string.Join(", ", missing)}, which is not installed";
    }

    /// <summary>
    /// Skips the test where a program is not installed. Unlike <see cref="WhyNot"/>, no test needs root for it.
    /// </summary>
    public static void Require(params string[] programs)
    {
        string[] missing = [.. programs.Where(program => Find(program) is null)];
        Skip.If(missing.Length > 0, $"needs {string.Join(", ", missing)}, which is not installed");
    }

    /// <summary>Runs a program; its failure fails the test with what the program said.</summary>
    public static Task<string> RunAsync(string program, params string[] arguments) => FeedAsync("", program, arguments);

    /// <summary>The same with something on its standard input.</summary>
    public static async Task<string> FeedAsync(string input, string program, params string[] arguments)
    {
        BufferedCommandResult result = await Cli.Wrap(Find(program) ?? program)
            .WithArguments(arguments)
            .WithStandardInputPipe(PipeSource.FromString(input))
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();
        return result.IsSuccess
            ? result.StandardOutput.Trim()
            : throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} ended with {result.ExitCode}: "
                + $"{result.StandardError.Trim()} {result.StandardOutput.Trim()}");
    }

    // sbin too: a user's PATH, or a service's, may lack it.
    private static string? Find(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin"
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);
}
