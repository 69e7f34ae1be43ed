using System.Text;
using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// Every service serves any Host header, and none, like Engine's control client sends (daemon-api section 1).
/// </summary>
[Collection(RunningDaemon.Collection)]
public sealed class HostTests(RunningDaemon unix, TcpControlDaemon tcp) : IClassFixture<TcpControlDaemon>
{
    [Theory(Timeout = 20_000)]
    [InlineData("unix")]
    [InlineData("tcp")]
    public async Task Bare_request_is_answered_and_the_connection_is_kept(string transport)
    {
        using RawClient client = await ConnectAsync(transport);

        await client.SendAsync("GET /tickets/x HTTP/1.1\r\n\r\n");
        (await client.ReceiveAsync()).AssertIsError(404);
        await client.SendAsync("DELETE /tickets/x HTTP/1.1\r\n\r\n");

        Assert.Equal(204, (await client.ReceiveAsync()).Status);
        await client.AssertOpenAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("unix")]
    [InlineData("tcp")]
    public async Task Ticket_goes_in_and_out_whatever_the_packets(string transport)
    {
        using RawClient client = await ConnectAsync(transport);
        byte[] body = Encoding.UTF8.GetBytes(TicketBody.For("hostless", "/nowhere", 1, "read").ToJsonString());
        byte[] request = [.. Encoding.UTF8.GetBytes(
            $"PUT /tickets/hostless HTTP/1.1\r\nContent-Length: {body.Length}\r\n\r\n"), .. body];

        if (transport == "tcp")
        {
            client.Socket.NoDelay = true;
        }

        foreach (byte[] packet in request.Chunk(7))
        {
            await client.SendAsync(packet);
        }

        RawResponse added = await client.ReceiveAsync();
        await client.SendAsync("GET /tickets/hostless HTTP/1.1\r\n\r\n");
        RawResponse state = await client.ReceiveAsync();

        Assert.Equal(200, added.Status);
        Assert.Equal("hostless", JsonNode.Parse(state.Text)!["uuid"]!.GetValue<string>());
    }

    [Theory(Timeout = 20_000)]
    [InlineData("unix")]
    [InlineData("tcp")]
    public async Task Pipelined_requests_are_answered_in_order(string transport)
    {
        using RawClient client = await ConnectAsync(transport);
        string body = TicketBody.For("pipelined", "/nowhere", 1, "read").ToJsonString();

        await client.SendAsync(Encoding.UTF8.GetBytes(
            $"PUT /tickets/pipelined HTTP/1.1\r\nContent-Length: {body.Length}\r\n\r\n{body}"
            + "GET /tickets/pipelined HTTP/1.1\r\nHost: with\r\n\r\n"
            + "PATCH /tickets/pipelined HTTP/1.1\r\nContent-Length: 14\r\n\r\n{\"timeout\": 1}"
            + "GET /tickets/none HTTP/1.1\r\n\r\n"
            + "DELETE /tickets/pipelined HTTP/1.1\r\n\r\n"));

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Contains("\"pipelined\"", (await client.ReceiveAsync()).Text, StringComparison.Ordinal);
        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Equal(404, (await client.ReceiveAsync()).Status);
        Assert.Equal(204, (await client.ReceiveAsync()).Status);
    }

    [Fact(Timeout = 20_000)]
    public async Task Lines_may_end_in_lf_alone()
    {
        using RawClient client = await ConnectAsync("unix");

        await client.SendAsync("GET /tickets/x HTTP/1.1\nAccept: */*\n\n"u8.ToArray());

        (await client.ReceiveAsync()).AssertIsError(404);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("\r\nGET /tickets/x HTTP/1.1\r\n\r\n")]
    [InlineData("\r\n\r\nGET /tickets/x HTTP/1.1\r\nHost: h\r\n\r\n")]
    public async Task Empty_lines_before_a_request_are_passed_over(string request)
    {
        using RawClient client = await ConnectAsync("unix");
        await client.AssertOpenAsync();

        await client.SendAsync(Encoding.ASCII.GetBytes(request));

        (await client.ReceiveAsync()).AssertIsError(404);
        await client.AssertOpenAsync();
    }

    // Issue 15, D20: with chunks, too, whose end must be found to know where the next request begins.
    [Theory(Timeout = 20_000)]
    [InlineData(int.MaxValue)]
    [InlineData(11)]
    [InlineData(1)]
    public async Task Chunked_bodies_are_accepted_with_and_without_a_host(int packet)
    {
        using RawClient client = await ConnectAsync("unix");
        string body = TicketBody.For("chunked", "/nowhere", 1, "read").ToJsonString();
        string chunks =
            $"1\r\n{body[0]}\r\n00a;note=\"1F\"\r\n{body[1..11]}\r\n{body.Length - 11:X}\r\n{body[11..]}\r\n0\r\n";

        byte[] requests = Encoding.UTF8.GetBytes(
            $"PUT /tickets/chunked HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}\r\n"
            + "GET /tickets/chunked HTTP/1.1\r\n\r\n"
            + $"PUT /tickets/chunked HTTP/1.1\r\nHost: [::]:54322\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}Sum: "
            + $"none\r\nHost: no\r\n\r\n"
            + "GET /tickets/none HTTP/1.1\r\n\r\n"
            + $"PUT /tickets/chunked HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}\r\n"
            + "DELETE /tickets/chunked HTTP/1.1\r\nHost: [::]:54322\r\n\r\n");
        foreach (byte[] part in requests.Chunk(packet))
        {
            await client.SendAsync(part);
        }

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Contains("\"chunked\"", (await client.ReceiveAsync()).Text, StringComparison.Ordinal);
        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Equal(404, (await client.ReceiveAsync()).Status);
        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Equal(204, (await client.ReceiveAsync()).Status);
    }

    public static TheoryData<string, string> AnyHost
    {
        get
        {
            string[] lines =
            [
                "", "Host:",
                "Host: ", "Host: h", "Host: localhost:54322", "Host: [::]:54322", "host:\t[::1]:54322 ", "HOST: a b",
                "Host: .",
                "Host: -", "Host: h:", "Host: :1", "Host: h:99999", "Host: h:1:2", "Host: https://h/", "Host: user@h",
                "Host: \u00e9", "Host: \u0001\u007f", "Host: a,b", "Host: [", "Host: ]:1", "Host: ?", "Host: 1.2.3.4:x",
            ];
            var data = new TheoryData<string, string>();
            foreach (string line in lines)
            {
                data.Add("unix", line);
            }

            foreach (string service in (string[])["tcp", "local", "remote"])
            {
                data.Add(service, "");
                data.Add(service, "Host: [::]:54322");
            }

            return data;
        }
    }

    // Issue 15, D20.
    [Theory(Timeout = 20_000)]
    [MemberData(nameof(AnyHost))]
    public async Task Any_host_is_served_on_every_service_and_none_at_all(string service, string line)
    {
        using RawClient client = await ConnectAsync(service);
        string head = $"GET /none HTTP/1.1\r\nAccept: */*\r\n{line}{(line.Length > 0 ? "\r\n" : "")}Note: 1\r\n\r\n";

        // Twice at once, and once in pieces: the server judges whole lines as they come.
        await client.SendAsync(Encoding.UTF8.GetBytes(head + head));
        (await client.ReceiveAsync()).AssertIsError(404);
        (await client.ReceiveAsync()).AssertIsError(404);
        foreach (byte[] part in Encoding.UTF8.GetBytes(head).Chunk(9))
        {
            await client.SendAsync(part);
        }

        (await client.ReceiveAsync()).AssertIsError(404);
        await client.AssertOpenAsync();
    }

    // A client that names two hosts is confused, or was confused by an attacker in between (RFC 9112 section 3.2).
    [Fact(Timeout = 20_000)]
    public async Task Two_hosts_are_400()
    {
        using RawClient client = await ConnectAsync("unix");

        await client.SendAsync("GET /tickets/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");

        (await client.ReceiveAsync()).AssertIsError(400);
    }

    [Fact(Timeout = 20_000)]
    public async Task Text_in_a_header_is_not_taken_for_another_header()
    {
        using RawClient client = await ConnectAsync("unix");

        // The second byte of this letter in UTF-8 is a line end in Latin-1.
        await client.SendAsync(Encoding.UTF8.GetBytes("GET /tickets/x HTTP/1.1\r\nNote: ÅContent-Length: 5\r\n\r\n"));
        (await client.ReceiveAsync()).AssertIsError(404);
        await client.SendAsync(Encoding.UTF8.GetBytes("GET /tickets/y HTTP/1.1\r\nNote: ÅHost: here\r\n\r\n"));

        (await client.ReceiveAsync()).AssertIsError(404);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("unix")]
    [InlineData("tcp")]
    public async Task What_is_no_request_is_400_with_a_text_also_for_who_sends_megabytes_behind(string transport)
    {
        using RawClient client = await ConnectAsync(transport);

        await client.SendAsync("GET /tickets/x HTTP/1.1\nno header\n\n");
        await client.SendAsync(new byte[8 * 1024 * 1024]);
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(400);
        Assert.Equal("close", response.Header("connection"));
        await client.AssertClosedAsync();
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Python_http_client_manages_tickets_on_tcp_and_unix_socket()
    {
        const string Script = """
            import http.client, json, socket, sys
            class UnixConnection(http.client.HTTPConnection):
                def connect(self):
                    self.sock = socket.socket(socket.AF_UNIX)
                    self.sock.connect(sys.argv[2])
            ticket = {"uuid": "python", "size": 1, "url": "file:///nowhere", "ops": ["read"], "timeout": 300}
            for connection in (http.client.HTTPConnection("127.0.0.1", int(sys.argv[1])), UnixConnection("localhost")):
                for skip_host in (True, False):
                    def ask(method, body=None):
                        connection.putrequest(method, "/tickets/python", skip_host=skip_host, skip_accept_encoding=True)
                        if body is not None:
                            connection.putheader("Content-Length", str(len(body)))
                        connection.endheaders(body)
                        response = connection.getresponse()
                        return response.status, response.read()
                    assert ask("PUT", json.dumps(ticket).encode()) == (200, b"")
                    status, state = ask("GET")
                    assert status == 200 and json.loads(state)["uuid"] == "python", state
                    assert ask("PATCH", b'{"timeout": 600}') == (200, b"")
                    assert ask("DELETE") == (204, b"")
                    assert ask("GET")[0] == 404
            print("done")
            """;

        string output = await RunAsync(
            "/usr/bin/python3", "-c", Script, $"{tcp.ControlUrl.Port}", unix.Files.ControlSocket);

        Assert.Equal("done\n", output);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Curl_manages_tickets_with_and_without_a_host()
    {
        string ticket = TicketBody.For("curl", "/nowhere", 1, "read").ToJsonString();
        string[][] targets =
        [
            ["--unix-socket", unix.Files.ControlSocket, "http://localhost/tickets/curl"],
            [$"http://127.0.0.1:{tcp.ControlUrl.Port}/tickets/curl"],
        ];
        string[][] hosts = [[], ["-H", "Host:"]];
        foreach (string[] target in from target in targets from host in hosts select (string[])[.. host, .. target])
        {
            string[] common = ["--silent", "--show-error", "--fail", "--write-out", "%{http_code}", .. target];
            Assert.Equal("200", await RunAsync("/usr/bin/curl", ["-X", "PUT", "--data", ticket, .. common]));
            Assert.EndsWith("}\n200", await RunAsync("/usr/bin/curl", common), StringComparison.Ordinal);
            Assert.Equal("204", await RunAsync("/usr/bin/curl", ["-X", "DELETE", .. common]));
        }
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        Skip.IfNot(File.Exists(program), $"Needs {program}");
        BufferedCommandResult result = await Cli.Wrap(program).WithArguments(arguments)
            .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();
        Assert.True(result.ExitCode == 0, result.StandardError);
        return result.StandardOutput;
    }

    private Task<RawClient> ConnectAsync(string service) => service switch
    {
        "tcp" => RawClient.ConnectTcpAsync(tcp.ControlUrl.Port),
        "local" => RawClient.ConnectAsync(unix.Files.LocalSocket),
        "remote" => RawClient.ConnectTlsAsync(unix),
        _ => RawClient.ConnectAsync(unix.Files.ControlSocket),
    };
}
