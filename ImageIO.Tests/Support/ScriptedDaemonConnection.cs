using System.Net.Sockets;
using System.Text;

namespace ImageIO.Tests.Support;

/// <summary>One connection to a <see cref="ScriptedDaemon"/>.</summary>
/// <param name="Socket">To look below TLS.</param>
/// <param name="Stream">Its bytes.</param>
/// <param name="Stopping">Set when the test is over.</param>
internal sealed record ScriptedDaemonConnection(Socket Socket, Stream Stream, CancellationToken Stopping)
{
    /// <summary>The next request's head; its body is left unread.</summary>
    public async Task<string> ReadHeadAsync()
    {
        var head = new StringBuilder();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await Stream.ReadExactlyAsync(one, Stopping);
            head.Append((char)one[0]);
        }

        return head.ToString();
    }

    public async Task<byte[]> ReadAsync(int length)
    {
        byte[] bytes = new byte[length];
        await Stream.ReadExactlyAsync(bytes, Stopping);
        return bytes;
    }

    /// <summary>Sends text; a lone \n becomes \r\n.</summary>
    public async Task SendAsync(string text) =>
        await Stream.WriteAsync(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\r\n")), Stopping);

    /// <summary>Stands still until the test is over.</summary>
    public Task StandStillAsync() => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, Stopping);
}
