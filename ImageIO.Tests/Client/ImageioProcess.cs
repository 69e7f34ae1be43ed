using System.Diagnostics;
using System.Globalization;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Client;

/// <summary>The built <c>imageio</c> as a process of its own.</summary>
internal sealed class ImageioProcess : IDisposable
{
    private readonly Process _process;
    // Grows while the program runs: read and written by different threads.
    private string _text = "";
    private readonly Task<string> _output;
    private readonly Task<string> _errors;

    private ImageioProcess(Process process)
    {
        _process = process;
        _output = ReadOutputAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    // With what it needs, of its own: the tests' directory has another framework beside it.
    private static readonly string Output = AppContext.BaseDirectory.Replace(
        "ImageIO.Tests", "ImageIO.Cli", StringComparison.Ordinal);

    /// <summary>The program as it was built.</summary>
    public static string Executable { get; } = Path.Combine(Output, "imageio");

    /// <summary>Whether SIGINT was ignored already when the tests were started.</summary>
    public static bool IgnoresInterrupts
    {
        get
        {
            string mask = File.ReadLines("/proc/self/status")
                .First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))[7..].Trim();
            return (long.Parse(
                mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1 << ((int)Signum.SIGINT - 1))) != 0;
        }
    }

    public int Id => _process.Id;

    public bool HasEnded => _process.HasExited;

    public static ImageioProcess Start(params IEnumerable<string> arguments) => StartAs(Executable, arguments);

    /// <param name="program">The program, or a link to it under another name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Further variables.</param>
    public static ImageioProcess StartAs(
        string program, IEnumerable<string> arguments, params IEnumerable<(string Name, string Value)> environment)
    {
        // By a shell, as everybody starts it: the platform's own start follows links and hides the name.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" \"$@\"", program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        // No qemu: what is read and written here needs none.
        start.Environment["PATH"] = "/nowhere";
        start.Environment["DOTNET_TieredPGO"] = "0";
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return new ImageioProcess(process);
    }

    /// <summary>Runs to the end: status, standard output and standard error.</summary>
    public static async Task<(int Status, string Output, string Errors)> RunAsync(params IEnumerable<string> arguments)
    {
        using ImageioProcess process = Start(arguments);
        return await process.EndAsync();
    }

    /// <summary>The first line that it prints; the other lines are in its output.</summary>
    public async Task<string> ReadLineAsync()
    {
        await Eventually.HoldsAsync(() => Volatile.Read(
            ref _text).Contains('\n', StringComparison.Ordinal) || _process.HasExited, "it prints a line");
        return Volatile.Read(ref _text).Split('\n')[0];
    }

    public void Signal(Signum signal) => Assert.Equal(0, Syscall.kill(Id, signal));

    public async Task<(int Status, string Output, string Errors)> EndAsync()
    {
        await _process.WaitForExitAsync();
        return (_process.ExitCode, await _output, await _errors);
    }

    private async Task<string> ReadOutputAsync()
    {
        char[] buffer = new char[4096];
        int length;
        while ((length = await _process.StandardOutput.ReadAsync(buffer)) > 0)
        {
            Volatile.Write(ref _text, _text + new string(buffer, 0, length));
        }

        return Volatile.Read(ref _text);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
