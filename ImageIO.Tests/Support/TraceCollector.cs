using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ImageIO.Tests.Support;

/// <summary>A collector of traces by OTLP over HTTP, which keeps what it is sent as it comes.</summary>
internal sealed class TraceCollector : IAsyncDisposable
{
    private readonly HttpListener _listener;
    private readonly StringBuilder _received = new();
    private readonly Task _serving;

    public TraceCollector()
    {
        (_listener, Url) = Listen();
        _serving = ServeAsync();
    }

    public string Url { get; }

    /// <summary>Variables of a program that sends its spans twice a second, not every five seconds.</summary>
    public static IReadOnlyDictionary<string, string> Soon { get; } =
        new Dictionary<string, string> { ["OTEL_BSP_SCHEDULE_DELAY"] = "500" };

    /// <summary>All that came; texts in protocol buffers stand in it as they are.</summary>
    public string Received
    {
        get
        {
            lock (_received)
            {
                return _received.ToString();
            }
        }
    }

    /// <summary>Waits for a text.</summary>
    public Task ReceivedAsync(string text) => Eventually.HoldsAsync(
        () => Received.Contains(text, StringComparison.Ordinal), $"the collector has received {text}");

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Close();
    }

    // It takes no port 0, and another process may take a free port first.
    private static (HttpListener Listener, string Url) Listen()
    {
        while (true)
        {
            int port;
            using (var free = new TcpListener(IPAddress.Loopback, 0))
            {
                free.Start();
                port = ((IPEndPoint)free.LocalEndpoint).Port;
            }

            var listener = new HttpListener { Prefixes = { $"http://127.0.0.1:{port}/" } };
            try
            {
                listener.Start();
                return (listener, $"http://127.0.0.1:{port}/v1/traces");
            }
            catch (HttpListenerException)
            {
                listener.Close();
            }
        }
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context = await _listener.GetContextAsync();
            using var body = new MemoryStream();
            await context.Request.InputStream.CopyToAsync(body);
            lock (_received)
            {
                _received.Append(Encoding.Latin1.GetString(body.ToArray()));
            }

            context.Response.Close();
        }
    }
}
