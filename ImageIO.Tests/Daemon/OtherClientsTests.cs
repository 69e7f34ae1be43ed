using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// Clients that Debian has, as docs/images.md shows them, against the daemon and the proxy in front of it (issue 15,
/// D24).
/// </summary>
[Trait("Needs", "Tools")]
public sealed class OtherClientsTests(ProxiedDaemon fixture) : IClassFixture<ProxiedDaemon>
{
    // Whole sectors, as images are.
    private const int Size = (8 << 20) + 512;

    // Where Debian and Fedora put modules of qemu, on both architectures.
    private static bool HasQemuCurl { get; } =
        new[]
        {
            "/usr/lib/x86_64-linux-gnu/qemu", "/usr/lib/aarch64-linux-gnu/qemu",
            "/usr/lib64/qemu", "/usr/lib64/qemu-kvm",
        }
            .Any(directory => File.Exists(Path.Combine(directory, "block-curl.so")));

    // Shell commands, with the variables $URL, $CA, $SOCKET and $OUT.
    public static TheoryData<string, string, string> Downloads
    {
        get
        {
            (string Tool, string Command)[] commands =
            [
                ("curl", "curl -sS --fail --cacert $CA -o $OUT $URL"),
                ("curl", "curl -sS --fail --cacert $CA --http1.0 -o $OUT $URL"),
                ("curl", "head -c 1000000 <(curl -sS --cacert $CA $URL) > $OUT; curl -sS --fail --cacert $CA -C - -o "
                    + "$OUT $URL"),
                ("wget", "wget -q --ca-certificate=$CA -O $OUT $URL"),
                ("wget", "head -c 1000000 <(curl -sS --cacert $CA $URL) > $OUT; wget -q -c --ca-certificate=$CA "
                    + "-O $OUT $URL"),
                ("aria2c", "aria2c -q -x8 -s8 -k1M --file-allocation=none --ca-certificate=$CA -d $(dirname $OUT) -o "
                    + "$(basename $OUT) $URL"),
                // qemu 7.2 loses a wake-up of its own on a busy machine, and waits for ever for an answer that it has:
                // 13 of 60 runs against nginx, 6 of 40 against us.
                ("qemu-img", "for try in 1 2 3 4 5 6; do timeout 8 qemu-img convert -O raw "
                    + "'json:{\"driver\":\"raw\",\"file\":"
                    + "{\"driver\":\"https\",\"url\":\"'$URL'\",\"sslverify\":\"off\"}}' $OUT && break; done"),
                // It always asks for one byte more than it needs, and a range that ends past the image is 416.
                ("nbdkit", "nbdkit -U - --filter=offset curl url=$URL cainfo=$CA range=$((SIZE - 512)) --run 'nbdcopy "
                    + "\"$uri\" '$OUT; tail -c 512 $IN >> $OUT"),
                ("socat", "printf \"GET /${URL#*//*/} HTTP/1.1\\r\\nHost: l\\r\\n\\r\\n\" | socat -t 10 "
                    + "- OPENSSL:${HOST},cafile=$CA | sed -e '1,/^\\r$/d' > $OUT"),
            ];
            var data = new TheoryData<string, string, string>();
            foreach ((string tool, string command) in commands)
            {
                data.Add(tool, "daemon", command);
                data.Add(tool, "proxy", command);
            }

            data.Add("curl", "daemon", "curl -sS --fail --unix-socket $SOCKET -o $OUT http://l/images/$ID");
            data.Add("socat", "daemon", "printf \"GET /images/$ID HTTP/1.1\\r\\nHost: l\\r\\n\\r\\n\" | socat -t 10 "
                + "- UNIX-CONNECT:$SOCKET | sed -e '1,/^\\r$/d' > $OUT");
            return data;
        }
    }

    public static TheoryData<string, string, string> Uploads => new()
    {
        { "curl", "daemon", "curl -sS --fail --cacert $CA -T $IN $URL" },
        { "curl", "proxy", "curl -sS --fail --cacert $CA -T $IN $URL" },
        { "curl", "daemon", "curl -sS --fail --cacert $CA -T - $URL < $IN" },
        { "curl", "proxy", "curl -sS --fail --cacert $CA -H 'Expect:' -T - $URL < $IN" },
        { "wget", "daemon", "wget -q --ca-certificate=$CA --method=PUT --body-file=$IN -O /dev/null $URL" },
        { "wget", "proxy", "wget -q --ca-certificate=$CA --method=PUT --body-file=$IN -O /dev/null $URL" },
        {
            "socat",
            "daemon",
            "(printf \"PUT /images/$ID HTTP/1.1\\r\\nContent-Length: $(stat -c %s $IN)\\r\\n\\r\\n\"; cat $IN) | socat "
                + "-t 10 - UNIX-CONNECT:$SOCKET | grep -q '200 OK'"
        },
    };

    [SkippableTheory(Timeout = 60_000)]
    [MemberData(nameof(Downloads))]
    public async Task Download_is_the_image(string tool, string server, string command)
    {
        byte[] content = Bytes.Random(Size);
        TestImage image = await fixture.AddImageAsync(content, "read");
        string output = fixture.Daemon.Files.CreateImage([]);
        File.Delete(output);

        await RunAsync(tool, server, command, image, ("OUT", output));

        byte[] received = await File.ReadAllBytesAsync(output);
        Bytes.AssertEqual(content, received, "what the client has");
        AssertNoErrors();
    }

    [SkippableTheory(Timeout = 60_000)]
    [MemberData(nameof(Uploads))]
    public async Task Upload_is_in_the_image(string tool, string server, string command)
    {
        byte[] content = Bytes.Random(Size);
        TestImage image = await fixture.AddImageAsync(new byte[Size]);

        await RunAsync(tool, server, command, image, ("IN", fixture.Daemon.Files.CreateImage(content)));

        Bytes.AssertEqual(content, image.Content, "the image");
        AssertNoErrors();
    }

    private async Task RunAsync(
        string tool, string server, string command, TestImage image, (string Name, string Value) file)
    {
        Skip.IfNot(File.Exists($"/usr/bin/{tool}"), $"Needs {tool}");
        Skip.If(tool == "qemu-img" && !HasQemuCurl, "Needs qemu's client of HTTPS");
        bool isProxy = server == "proxy";
        string host = $"127.0.0.1:{(isProxy ? fixture.Proxy.Port : fixture.Daemon.RemotePort)}";
        BufferedCommandResult result = await Cli.Wrap("/bin/bash")
            .WithArguments(["-c", $"set -o pipefail; {command}"])
            .WithEnvironmentVariables(variables => variables
                .Set("URL", $"https://{host}{image.Url}")
                .Set("HOST", host)
                .Set("ID", image.Id)
                .Set("SIZE", $"{Size}")
                .Set("IN", image.Path)
                .Set("CA", isProxy ? fixture.Proxy.Files.Certificate.CertificateFile
                    : fixture.Daemon.Files.Certificate.CertificateFile)
                .Set("SOCKET", fixture.Daemon.Files.LocalSocket)
                // IN of an upload is another file.
                .Set(file.Name, file.Value))
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();
        Assert.True(result.ExitCode == 0, $"{result.ExitCode}: {result.StandardOutput}{result.StandardError}");
    }

    // aria2c drops its first connection, which left the proxy some two hundred errors.
    private void AssertNoErrors()
    {
        foreach (string log in (string[])[fixture.Daemon.Files.ReadLog(), fixture.Proxy.ReadLog()])
        {
            Assert.DoesNotContain(log.Split('\n'), line => line.Contains(" ERROR ", StringComparison.Ordinal));
        }
    }
}
