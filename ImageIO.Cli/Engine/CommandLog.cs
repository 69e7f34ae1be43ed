using System.Globalization;
using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Engine;

/// <summary>The log of <c>ovirt-img</c>, to standard error or a file.</summary>
internal sealed class CommandLog : IDisposable
{
    private static readonly string[] Levels = ["debug", "info", "warning", "error"];

    private readonly TextWriter _output;
    private readonly bool _ownsOutput;
    private readonly int _level;
    private readonly TimeProvider _time;

    /// <param name="file">The file to append to. Null: standard error.</param>
    /// <param name="level">The lowest level that is written.</param>
    /// <param name="time">The clock.</param>
    public CommandLog(string? file, string level, TimeProvider time)
    {
        _time = time;
        _level = Array.IndexOf(Levels, level);
        if (_level < 0)
        {
            throw new TransferException(
                TransferError.InvalidRequest, $"Invalid log level {level}, expected {string.Join(", ", Levels)}");
        }

        _ownsOutput = file is not null;
        try
        {
            _output = file is null ? Console.Error : new StreamWriter(file, append: true) { AutoFlush = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TransferException(
                TransferError.InvalidRequest, $"The log {file} cannot be written: {e.Message}", e);
        }
    }

    public void Info(string message) => Write(1, message);

    public void Error(string message) => Write(3, message);

    public void Dispose()
    {
        if (_ownsOutput)
        {
            _output.Dispose();
        }
    }

    // In the form of the reference's log.
    private void Write(int level, string message)
    {
        if (level >= _level)
        {
            string time = _time.GetLocalNow().ToString("yyyy-MM-dd HH:mm:ss,fff", CultureInfo.InvariantCulture);
            _output.WriteLine($"{time} {Levels[level].ToUpperInvariant(),-7} (MainThread) [ovirt-img] {message}");
        }
    }
}
