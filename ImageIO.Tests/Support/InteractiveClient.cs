using System.Diagnostics;
using System.Text;

namespace ImageIO.Tests.Support;

/// <summary>A program at whose prompt the test types.</summary>
internal sealed class InteractiveClient : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _seen = new();

    private InteractiveClient(Process process) => _process = process;

    public static InteractiveClient Start(string program, IEnumerable<string> arguments)
    {
        var client = new InteractiveClient(new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        });
        client._process.OutputDataReceived += client.Remember;
        client._process.ErrorDataReceived += client.Remember;
        client._process.Start();
        client._process.BeginOutputReadLine();
        client._process.BeginErrorReadLine();
        return client;
    }

    public async Task TypeAsync(string text)
    {
        await _process.StandardInput.WriteAsync(text);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Waits until it has written this.</summary>
    public Task SeesAsync(string text) => Eventually.HoldsAsync(
        () => Seen().Contains(text, StringComparison.Ordinal), $"it writes: {text}");

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private string Seen()
    {
        lock (_seen)
        {
            return _seen.ToString();
        }
    }

    private void Remember(object sender, DataReceivedEventArgs e)
    {
        lock (_seen)
        {
            _seen.AppendLine(e.Data);
        }
    }
}
