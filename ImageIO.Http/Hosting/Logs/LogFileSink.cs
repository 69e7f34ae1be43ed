using ImageIO.Transport.Files;
using Microsoft.Win32.SafeHandles;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Writes events to a file, and rotates it.</summary>
/// <remarks>
/// Own code, because the usual package puts the newest lines into the file with the highest number, while
/// administrators, sos and monitoring read <c>daemon.log</c>.
/// </remarks>
internal sealed class LogFileSink(LogFileTarget target, ITextFormatter formatter) : ILogEventSink, IDisposable
{
    private readonly Lock _lock = new();
    private readonly LineBuffer _line = new(formatter);
    private List<LogEvent>? _early = [];
    private SafeFileHandle? _file;
    private FileState _state;
    private DateTimeOffset _begun;
    private long _size;
    private long _lost;
    private long _renameAgainAt;

    /// <summary>Opens the file and writes the events logged so far. Before that the file is not touched.</summary>
    /// <exception cref="ConfigurationException">It cannot be written.</exception>
    public void Open()
    {
        lock (_lock)
        {
            if (_early is not { } early)
            {
                return;
            }

            try
            {
                OpenFile(target.Truncates);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ConfigurationException($"Cannot write the log file {target.Path}: {e.Message}", e);
            }

            _early = null;
            early.ForEach(Write);
        }
    }

    public void Emit(LogEvent logEvent)
    {
        lock (_lock)
        {
            if (_early is { } early)
            {
                early.Add(logEvent);
            }
            else
            {
                Write(logEvent);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _file?.Dispose();
            _file = null;
            _line.Dispose();
        }
    }

    // A line that cannot be written is lost and counted, because a full device must not stop transfers.
    private void Write(LogEvent logEvent)
    {
        try
        {
            if (_file is null || (target.IsWatched && FileState.Of(target.Path) is var now && !now.IsSameFile(_state)))
            {
                OpenFile(truncates: false);
            }

            if (_lost > 0)
            {
                Append(System.Text.Encoding.UTF8.GetBytes($"({_lost} lines could not be written here)\n"));
                _lost = 0;
            }

            ReadOnlySpan<byte> line = _line.Format(logEvent);
            RenameWhenDue(line.Length, logEvent.Timestamp);
            Append(line);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _lost++;
            _file?.Dispose();
            _file = null;
        }
    }

    private void Append(ReadOnlySpan<byte> line)
    {
        // The descriptor appends, so the offset has no effect.
        RandomAccess.Write(_file!, line, _size);
        _size += line.Length;
    }

    private void RenameWhenDue(int length, DateTimeOffset now)
    {
        if (target.Rotation is not { } rotation
            || _size < _renameAgainAt || !rotation.IsDue(_size, length, _begun, now))
        {
            return;
        }

        try
        {
            rotation.Rename(target.Path, _begun);
            OpenFile(truncates: false);
        }
        catch (Exception e) when (_file is not null && e is IOException or UnauthorizedAccessException)
        {
            // As in a directory of root: the file grows, and renaming is tried again later.
            _renameAgainAt = _size + 1024 * 1024;
        }
    }

    private void OpenFile(bool truncates)
    {
        _file?.Dispose();
        _file = null;
        _file = LogFiles.Open(target.Path, truncates, target.Rotation?.BackupCount ?? 1);
        _state = FileState.Of(target.Path);
        _size = _state.Length;
        _begun = _state.WrittenAt;
        _renameAgainAt = 0;
    }
}
