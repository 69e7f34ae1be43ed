using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace ImageIO.Tests.Support.Nbd;

/// <summary>Commands to a running qemu program (QEMU Machine Protocol).</summary>
internal sealed class QmpClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly StreamReader _reader;

    private QmpClient(string path)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _reader = new StreamReader(new NetworkStream(_socket), Encoding.UTF8);
    }

    public static async Task<QmpClient> ConnectAsync(string path)
    {
        var client = new QmpClient(path);
        Assert.Contains("QMP", await client._reader.ReadLineAsync(), StringComparison.Ordinal);
        await client.ExecuteAsync("qmp_capabilities");
        return client;
    }

    /// <summary>Runs a command and gives what it returns; its failure fails the test.</summary>
    /// <param name="command">The command.</param>
    /// <param name="arguments">Its arguments as JSON; single quotes stand for double ones.</param>
    public async Task<JsonNode?> ExecuteAsync(string command, string arguments = "{}")
    {
        string json = $$"""{"execute": "{{command}}", "arguments": {{arguments.Replace('\'', '"')}}}""";
        await _socket.SendAsync(Encoding.UTF8.GetBytes(json + "\n"));
        while (true)
        {
            JsonObject answer = JsonNode.Parse((await _reader.ReadLineAsync())!)!.AsObject();
            Assert.False(answer.ContainsKey("error"), $"{json}: {answer}");
            if (answer.ContainsKey("return"))
            {
                return answer["return"];
            }
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        _socket.Dispose();
    }
}
