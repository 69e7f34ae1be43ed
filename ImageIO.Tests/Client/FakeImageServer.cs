using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Client;

/// <summary>
/// A server that fails on command, keeps flushed bytes apart from bytes that were only answered, and counts durable
/// bytes that it gets again. One image, HTTP/1.1 on loopback.
/// </summary>
internal sealed partial class FakeImageServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Lock _lock = new();
    private readonly List<Socket> _open = [];
    private readonly RangeSet _lost = new();
    private readonly RangeSet _stableRanges = new();
    private readonly Dictionary<int, RangeSet> _unflushed = [];
    private readonly byte[] _visible;
    private readonly byte[] _stable;
    private readonly Task _accepting;
    private int _connections;
    private int _requests;

    /// <param name="content">The image at the beginning.</param>
    public FakeImageServer(byte[] content)
    {
        _visible = [.. content];
        _stable = [.. content];
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>
    /// Whether it tells what ImageIO's servers tell, and remembers losses. False: like the reference.
    /// </summary>
    public bool IsOurs { get; init; }

    /// <summary>Whether it knows OPTIONS and all that comes with it.</summary>
    public bool HasFeatures { get; init; } = true;

    public int MaxWriters { get; init; } = 8;

    /// <summary>Extents as it tells them; null: one of data.</summary>
    public string? Extents { get; init; }

    /// <summary>Decides about each request.</summary>
    public Func<FakeRequest, FakeAction> Decide { get; set; } = _ => FakeAction.Serve;

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/images/secret-id";

    /// <summary>Bytes in PUT and PATCH that were durable already.</summary>
    public long DurableAgain { get; private set; }

    /// <summary>Bytes of bodies of PUT that came.</summary>
    public long Received { get; private set; }

    public List<FakeRequest> Requests { get; } = [];

    /// <summary>The content that a reader sees.</summary>
    public byte[] Visible
    {
        get
        {
            lock (_lock)
            {
                return [.. _visible];
            }
        }
    }

    /// <summary>The content that survives a crash.</summary>
    public byte[] Stable
    {
        get
        {
            lock (_lock)
            {
                return [.. _stable];
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        CloseAll();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket = await _listener.AcceptSocketAsync();
            int number;
            lock (_lock)
            {
                number = ++_connections;
                _open.Add(socket);
                _unflushed[number] = new RangeSet();
            }

            _ = ServeAsync(socket, number);
        }
    }

    private void CloseAll()
    {
        lock (_lock)
        {
            _open.ForEach(Cut);
            _open.Clear();
        }
    }

    // With a reset, as a killed process or a firewall ends a connection.
    private static void Cut(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (ObjectDisposedException)
        {
            // Closed already.
        }

        socket.Dispose();
    }

    private async Task ServeAsync(Socket socket, int connection)
    {
        try
        {
            using var stream = new NetworkStream(socket, ownsSocket: true);
            while (await ReadHeadAsync(stream) is { } head && await AnswerAsync(socket, stream, connection, head))
            {
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            // The client, or a crash.
        }
    }

    private static async Task<string?> ReadHeadAsync(NetworkStream stream)
    {
        var head = new List<byte>();
        byte[] one = new byte[1];
        while (head.Count < 4 || !head[^4..].SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one) == 0)
            {
                return null;
            }

            head.Add(one[0]);
        }

        return Encoding.ASCII.GetString([.. head]);
    }

    private static string? Header(string head, string name) => head.Split("\r\n")
        .FirstOrDefault(
            line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();

    private async Task<bool> AnswerAsync(Socket socket, NetworkStream stream, int connection, string head)
    {
        string[] line = head[..head.IndexOf('\r', StringComparison.Ordinal)].Split(' ');
        int length = int.Parse(Header(head, "Content-Length") ?? "0", CultureInfo.InvariantCulture);
        byte[] body = line[0] == "PATCH" ? new byte[length] : [];
        await stream.ReadExactlyAsync(body);
        FakeRequest request = Understand(connection, line, head, length, body);
        FakeAction action = Decide(request);
        switch (action.Kind)
        {
            case FakeActionKind.EarlyStatus:
                await SendAsync(stream, action.Value, $"refused: {action.Value}\n", close: true);
                socket.Shutdown(SocketShutdown.Send);
                // Not read to the end: the sender finds the connection closed.
                await stream.ReadAtLeastAsync(new byte[64 * 1024], 1, throwOnEndOfStream: false);
                return false;
            case FakeActionKind.Crash:
                Crash();
                return false;
        }

        if (request.Method == "PUT" && !await ReceiveAsync(stream, request, length, action))
        {
            Cut(socket);
            return false;
        }

        if (action.Kind == FakeActionKind.Status)
        {
            await SendAsync(stream, action.Value, $"failed: {action.Value}\n");
            return true;
        }

        int status = Apply(request);
        if (action.Kind == FakeActionKind.CutBeforeAnswer)
        {
            Cut(socket);
            return false;
        }

        return await SendAnswerAsync(socket, stream, request, status, action);
    }

    private FakeRequest Understand(int connection, string[] line, string head, int length, byte[] body)
    {
        string method = line[0];
        ByteRange range = default;
        if (method == "PATCH")
        {
            JsonNode json = JsonNode.Parse(body)!;
            method = json["op"]!.GetValue<string>();
            range = method == "zero" ? ByteRange
                .At(json["offset"]!.GetValue<long>(), json["size"]!.GetValue<long>()) : default;
        }
        else if (Header(head, method == "PUT" ? "Content-Range" : "Range") is { } text)
        {
            string[] ends = text[6..].Split('/')[0].Split('-');
            range = new ByteRange(
                long.Parse(ends[0], CultureInfo.InvariantCulture),
                long.Parse(ends[1], CultureInfo.InvariantCulture) + 1);
            Assert.True(method != "PUT" || range.Length == length, $"{text} with a body of {length} bytes");
        }

        lock (_lock)
        {
            var request = new FakeRequest(++_requests, connection, method, line[1], range);
            Requests.Add(request);
            return request;
        }
    }

    private async Task<bool> ReceiveAsync(NetworkStream stream, FakeRequest request, int length, FakeAction action)
    {
        int wanted = action.Kind == FakeActionKind.CutAt ? Math.Min(length, action.Value) : length;
        byte[] body = new byte[wanted];
        await stream.ReadExactlyAsync(body);
        lock (_lock)
        {
            Received += wanted;
            if (action.Kind != FakeActionKind.Status)
            {
                // The received part of a cut body is written, too, but the client does not know that.
                Write(request, body, isAnswered: action.Kind == FakeActionKind.Serve);
            }
        }

        return action.Kind != FakeActionKind.CutAt;
    }

    private async Task<bool> SendAnswerAsync(
        Socket socket, NetworkStream stream, FakeRequest request, int status, FakeAction action)
    {
        switch (request.Method)
        {
            case "OPTIONS" when !HasFeatures:
                await SendAsync(stream, 405, "no\n");
                return true;
            case "OPTIONS":
                string ours = IsOurs ? $$""","size":{{_visible.Length}},"expires_in":300,"ops":["write"]""" : "";
                await SendAsync(
                    stream, 200,
                    $$"""
                    {"features":["checksum","extents","flush","zero"],
                    "max_readers":8,"max_writers":{{MaxWriters}}{{ours}}}
                    """.ReplaceLineEndings(""));
                return true;
            case "HEAD":
                await SendHeadAsync(stream, 200, _visible.Length);
                return true;
            case "GET" when request.Path.Contains("/extents", StringComparison.Ordinal):
                string extents = Extents
                    ?? $$"""[{"start":0,"length":{{_visible.Length}},"zero":false,"hole":false}]""";
                if (action.Kind == FakeActionKind.CutAt)
                {
                    await SendHeadAsync(stream, 200, extents.Length, body: extents[..action.Value]);
                    socket.Shutdown(SocketShutdown.Send);
                    return false;
                }

                await SendAsync(stream, 200, extents);
                return true;
            case "GET":
                ByteRange range = request.Range.IsEmpty ? new ByteRange(0, _visible.Length) : request.Range;
                await SendHeadAsync(stream, request.Range.IsEmpty ? 200 : 206, range.Length);
                byte[] content = Visible[(int)range.Start..(int)range.End];
                int sent =
                    action.Kind == FakeActionKind.CutAt ? Math.Min(action.Value, content.Length) : content.Length;
                await stream.WriteAsync(content.AsMemory(0, sent));
                if (sent < content.Length)
                {
                    socket.Shutdown(SocketShutdown.Send);
                    return false;
                }

                return true;
            default:
                await SendAsync(stream, status, status == 200 ? "" : "what was written before was lost\n");
                return true;
        }
    }

    private static Task SendAsync(NetworkStream stream, int status, string body, bool close = false) =>
        SendHeadAsync(stream, status, Encoding.UTF8.GetByteCount(body), close, body);

    private static async Task SendHeadAsync(
        NetworkStream stream, int status, long length, bool close = false, string body = "") =>
        await stream.WriteAsync(Encoding.UTF8.GetBytes(
            $"HTTP/1.1 {status} Text\r\nContent-Length: "
                + $"{length}\r\n{(close ? "Connection: close\r\n" : "")}\r\n{body}"));
}
