using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>Python's standard <c>http.client</c>, which reference clients are made of, transfers an image.</summary>
[Collection(RunningDaemon.Collection)]
public sealed class PythonTransferTests(RunningDaemon daemon)
{
    private const string Python = "/usr/bin/python3";

    // As virt-v2v does it: ask, four connections, pieces with their range, zeroes, a flush; then everything is
    // compared.
    private const string Script = """
        import concurrent.futures, hashlib, http.client, json, os, socket, ssl, sys
        port, ca, local, url = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
        MiB, SIZE = 1 << 20, 8 << 20

        class UnixConnection(http.client.HTTPConnection):
            def connect(self):
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(local)

        def connect(transport):
            if transport == "unix":
                return UnixConnection("localhost")
            return http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cafile=ca))

        def ask(connection, method, target, body=None, **headers):
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            return response, response.read()

        def transfer(transport):
            connections = [connect(transport) for _ in range(4)]
            response, body = ask(connections[0], "OPTIONS", url)
            options = json.loads(body)
            assert response.status == 200 and response.headers["Allow"] == "OPTIONS,GET,PUT,PATCH", response.headers
            assert options["features"] == ["checksum", "extents", "flush", "zero"], options
            assert options["unix_socket"] == local, options
            assert options["max_writers"] >= 4 and options["max_readers"] >= 4

            data = os.urandom(SIZE)
            def put(worker):
                for piece in range(worker, SIZE // MiB, 4):
                    first = piece * MiB
                    response, body = ask(
                        connections[worker], "PUT", url + "?flush=n", data[first:first + MiB],
                        Content_Range=f"bytes {first}-{first + MiB - 1}/*")
                    assert (response.status, body) == (200, b""), (response.status, body)
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(put, range(4)))

            zero = {"op": "zero", "offset": 3 * MiB + 5, "size": MiB, "flush": False}
            data = data[:3 * MiB + 5] + bytes(MiB) + data[4 * MiB + 5:]
            assert ask(connections[1], "PATCH", url, json.dumps(zero))[0].status == 200
            assert ask(connections[1], "PATCH", url, json.dumps({"op": "flush"}))[0].status == 200

            # A body without a length goes in chunks.
            chunks = iter([b"chunk", b"ed"])
            assert ask(connections[2], "PUT", url, chunks, Content_Range="bytes 100-*/*")[0].status == 200
            data = data[:100] + b"chunked" + data[107:]

            received = bytearray()
            for first in range(0, SIZE, 3 * MiB):
                last = min(first + 3 * MiB, SIZE) - 1
                response, body = ask(connections[3], "GET", url, Range=f"bytes={first}-{last}")
                assert response.status == 206
                assert int(response.headers["Content-Length"]) == len(body) == last - first + 1
                assert response.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}", response.headers
                received += body
            assert received == data, "ranges"
            response, body = ask(connections[3], "GET", url)
            assert response.status == 200 and body == data, "whole"
            response, body = ask(connections[3], "HEAD", url)
            assert response.status == 200 and response.headers["Content-Length"] == str(SIZE) and body == b""

            extents = json.loads(ask(connections[0], "GET", url + "/extents")[1])
            assert sum(extent["length"] for extent in extents) == SIZE, extents
            root = hashlib.blake2b(digest_size=32)
            for first in range(0, SIZE, 4 * MiB):
                root.update(hashlib.blake2b(data[first:first + 4 * MiB], digest_size=32).digest())
            checksum = json.loads(ask(connections[0], "GET", url + "/checksum")[1])
            assert checksum == {"algorithm": "blake2b", "block_size": 4 * MiB, "checksum": root.hexdigest()}, checksum

            # Refused, closed; the next request opens a new connection by itself.
            response, body = ask(connections[0], "PUT", "/images/none", bytes(MiB))
            assert response.status == 403 and response.headers["Connection"] == "close" and body.endswith(b"\n"), body
            response, body = ask(connections[0], "GET", url + "?close=y", Range="bytes=0-0")
            assert response.status == 206 and response.headers["Connection"] == "close"
            for connection in connections:
                connection.close()

        transfer(sys.argv[5])
        print("done")
        """;

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("tls")]
    [InlineData("unix")]
    public async Task Python_http_client_transfers_an_image_over_four_connections(string transport)
    {
        Skip.IfNot(File.Exists(Python), $"Needs {Python}");
        TestImage image = await daemon.AddImageAsync(new byte[8 * 1024 * 1024], "read", "write");

        BufferedCommandResult result = await Cli.Wrap(Python)
            .WithArguments([
                "-c", Script, $"{daemon.RemotePort}",
                daemon.Files.Certificate.CertificateFile, daemon.Files.LocalSocket, image.Url, transport,
            ])
            .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();

        Assert.True(result.ExitCode == 0, result.StandardError);
        Assert.Equal("done\n", result.StandardOutput);
        await daemon.BecomesQuietAsync(image);
    }
}
