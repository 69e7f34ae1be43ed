using System.Globalization;
using System.Text;
using ImageIO.Client.Copying;

namespace ImageIO.CommandLine.Output;

/// <summary>
/// Writes the progress of a transfer as text or as JSON, in the form of <c>ovirt-img</c>: a line for each change of
/// phase, size or whole percent. Thread-safe.
/// </summary>
internal sealed class ProgressWriter : IProgress<TransferProgress>, IDisposable
{
    private const int TextWidth = 79;

    // Time between lines in a file or a pipe.
    private static readonly TimeSpan PlainPeriod = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly TextWriter _output;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly ProgressStyle _style;
    private TransferProgress _progress;
    private string _phase = "";
    private string _copyPhase = "";
    private long? _size;
    private long _percent = -1;
    private long _lastLine;
    private int _lineLength;
    private bool _isLineOpen;

    public ProgressWriter(TextWriter output, ProgressStyle style, TimeProvider time)
    {
        _output = output;
        _style = style;
        _time = time;
        _started = _lastLine = time.GetTimestamp();
    }

    /// <summary>Begins a step of the command.</summary>
    public void Begin(string phase)
    {
        lock (_lock)
        {
            _copyPhase = phase;
            SetPhase(phase);
        }
    }

    /// <summary>Sets the size when it is known.</summary>
    public void SetSize(long size)
    {
        lock (_lock)
        {
            if (_size != size)
            {
                _size = size;
                _percent = Percent();
                Write(isPhase: false);
            }
        }
    }

    public void Report(TransferProgress value)
    {
        lock (_lock)
        {
            _progress = value;
            SetPhase(value.Phase switch
            {
                TransferPhase.Retrying => Phases.Retrying,
                TransferPhase.Verifying => Phases.Verifying,
                _ => _copyPhase,
            });
            if (_size is not null && Percent() is var percent && percent != _percent)
            {
                _percent = percent;
                Write(isPhase: false);
            }
        }
    }

    /// <summary>Ends the open line.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isLineOpen)
            {
                _output.Write('\n');
                _output.Flush();
                _isLineOpen = false;
            }
        }
    }

    private long Percent() => _size is null or 0 ? 0 : _progress.Transferred * 100 / _size.Value;

    private void SetPhase(string phase)
    {
        if (_phase != phase)
        {
            _phase = phase;
            Write(isPhase: true);
        }
    }

    private void Write(bool isPhase)
    {
        double elapsed = _time.GetElapsedTime(_started).TotalSeconds;
        switch (_style)
        {
            case ProgressStyle.Json or ProgressStyle.ReferenceJson:
                _output.Write(Json(elapsed) + "\n");
                break;
            case ProgressStyle.Text or ProgressStyle.ReferenceText:
                string text = Text(elapsed);
                _output.Write(text.PadRight(Math.Max(TextWidth, _lineLength)) + "\r");
                _lineLength = text.Length;
                _isLineOpen = true;
                break;
            default:
                if (!isPhase && _time.GetElapsedTime(_lastLine) < PlainPeriod)
                {
                    return;
                }

                _lastLine = _time.GetTimestamp();
                _output.Write(Text(elapsed) + "\n");
                break;
        }

        _output.Flush();
    }

    private string Text(double elapsed)
    {
        string percent = _size is null or 0 ? "----" : string.Create(CultureInfo.InvariantCulture, $"{Percent(),3}%");
        double rate = elapsed > 0 ? _progress.Transferred / elapsed : 0;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"[ {percent} ] {ByteSize.Format(_progress.Transferred)}, {elapsed:F2} s, {ByteSize.Format(rate)}/s | ")
            + _phase + Further(rate);
    }

    // Only imageio shows the remaining time and the number of retries.
    private string Further(double rate)
    {
        if (_style == ProgressStyle.ReferenceText)
        {
            return "";
        }

        long left = (_size ?? 0) - _progress.Transferred;
        string further = _phase is Phases.Uploading or Phases.Downloading && _progress.Transferred > 0 && rate > 0
            && left > 0
            ? $", {Duration.Format(TimeSpan.FromSeconds(left / rate))} left"
            : "";
        return _progress.Retries switch
        {
            0 => further,
            1 => $"{further}, 1 retry",
            _ => $"{further}, {_progress.Retries} retries",
        };
    }

    // With the spaces and the order of the reference's tool.
    private string Json(double elapsed)
    {
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"{{\"transferred\": {_progress.Transferred}, \"elapsed\": ");
        string seconds = elapsed.ToString("R", CultureInfo.InvariantCulture);
        line.Append(seconds.Contains('.', StringComparison.Ordinal)
            || seconds.Contains('E', StringComparison.Ordinal) ? seconds : seconds + ".0");
        line.Append(CultureInfo.InvariantCulture, $", \"description\": \"{_phase}\"");
        if (_size is { } size)
        {
            line.Append(CultureInfo.InvariantCulture, $", \"size\": {size}");
        }

        if (_style == ProgressStyle.Json)
        {
            double rate = elapsed > 0 ? _progress.Transferred / elapsed : 0;
            string eta = rate > 0 && _size is { } all
                ? ((all - _progress.Transferred) / rate).ToString("F1", CultureInfo.InvariantCulture)
                : "null";
            line.Append(
                CultureInfo.InvariantCulture,
                $", \"rate\": {rate:F0}, \"eta\": {eta}, \"sent\": {_progress.Sent}, \"retries\": {_progress.Retries}");
        }

        return line.Append('}').ToString();
    }
}
