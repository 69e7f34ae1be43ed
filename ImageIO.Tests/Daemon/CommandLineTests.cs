using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;
using ImageIO.Web.Hosting;
using ImageIO.Web.Options;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>The daemon's command line and configuration files (daemon-api section 6, configuration).</summary>
public sealed class CommandLineTests
{
    [Fact(Timeout = 20_000)]
    public async Task Version_is_one_line()
    {
        BufferedCommandResult result = await RunAsync("--version");

        Assert.Equal(0, result.ExitCode);
        Assert.Matches("^[0-9]+\\.[0-9]+\\.[0-9]+\n$", result.StandardOutput);
    }

    [Fact(Timeout = 20_000)]
    public async Task Help_names_every_option()
    {
        BufferedCommandResult result = await RunAsync("--help");

        Assert.Equal(0, result.ExitCode);
        foreach (string option in (string[])["--conf-dir",
            "-c", "--show-config", "--ticket", "-t", "--version", "--help"])
        {
            Assert.Contains(option, result.StandardOutput, StringComparison.Ordinal);
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Unknown_argument_is_an_error_of_its_own_status()
    {
        BufferedCommandResult result = await RunAsync("--no-such-option");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--no-such-option", result.StandardError, StringComparison.Ordinal);
        AssertOneLine(result.StandardError);
    }

    [Fact(Timeout = 20_000)]
    public async Task Missing_configuration_is_an_error_that_names_the_directory()
    {
        using var directory = new ImageDirectory();

        BufferedCommandResult result = await RunAsync("--conf-dir", directory.File("none"));

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(directory.File("none/conf.d"), result.StandardError, StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Show_config_prints_effective_values_of_merged_drop_ins_as_json()
    {
        using var files = new DaemonFiles("[daemon]\ninactivity_timeout = 7\n");
        files.AddOptions("98-other.conf", "[daemon]\ninactivity_timeout = 6\nmax_connections = 5\n");
        files.AddOptions("ignored.txt", "[daemon]\nmax_connections = 4\n");

        BufferedCommandResult result = await RunAsync("--conf", files.Path, "--show");

        JsonNode configuration = JsonNode.Parse(result.StandardOutput)!;
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(7, configuration["daemon"]!["inactivity_timeout"]!.GetValue<int>());
        Assert.Equal(5, configuration["daemon"]!["max_connections"]!.GetValue<int>());
        Assert.Equal(files.ControlSocket, configuration["control"]!["socket"]!.GetValue<string>());
        Assert.True(configuration["tls"]!["enable"]!.GetValue<bool>());
        Assert.DoesNotContain("PRIVATE KEY", result.StandardOutput, StringComparison.Ordinal);
        Assert.False(File.Exists(files.ControlSocket));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("daemon", "max_connections", "many")]
    [InlineData("daemon", "drain_timeout", "soon")]
    [InlineData("tls", "enable", "maybe")]
    [InlineData("remote", "port", "65535")]
    [InlineData("remote", "port", "-1")]
    [InlineData("remote", "port", "https")]
    [InlineData("local", "enable", "2")]
    [InlineData("control", "transport", "pigeon")]
    [InlineData("control", "port", "65535")]
    [InlineData("backend_file", "buffer_size", "8M")]
    [InlineData("backend_file", "queue_depth", "0")]
    [InlineData("logger_root", "level", "LOUD")]
    [InlineData("logger_root", "handlers", "printer")]
    [InlineData("handler_logfile", "args", "/no/tuple")]
    [InlineData("handler_logfile", "kwargs", "20")]
    public async Task Wrong_value_is_refused_with_file_section_option_value_and_remedy(
        string section, string option, string value)
    {
        using var files = new DaemonFiles($"[{section}]\n{option} = {value}\n");

        // Reading is the first step of the start; that its failure ends it, and how, is the next test.
        ConfigurationException refused = await Assert.ThrowsAsync<ConfigurationException>(
            () => Task.FromResult(DaemonConfiguration.Load(files.Path)));

        AssertNames(refused.Message, section, option, value);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact(Timeout = 20_000)]
    public async Task Refused_value_ends_the_start_with_status_1_and_its_one_line()
    {
        using var files = new DaemonFiles("[daemon]\nmax_connections = many\n");

        BufferedCommandResult result = await RunAsync("--conf-dir", files.Path);

        Assert.Equal(1, result.ExitCode);
        AssertNames(result.StandardError, "daemon", "max_connections", "many");
        AssertOneLine(result.StandardError);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("[tls]\ncert_file = /no/such/file\n", "/no/such/file")]
    [InlineData("[tls]\nkey_file =\n", "key_file")]
    [InlineData("[control]\nsocket = /no/such/directory/sock\n", "/no/such/directory/sock")]
    [InlineData("[handler_logfile]\nargs = (\"/no/such/directory/log\",)\n", "/no/such/directory/log")]
    [InlineData("[tls]\ntransport = gnutls\n", "transport")]
    [InlineData("[control]\ntransport = tcp\n", "port")]
    [InlineData("[remote]\nhost = no such host\n", "'no such host'")]
    [InlineData("[daemon]\nplugin_dir = /no/such/directory\n", "plugin_dir")]
    [InlineData("[remote]\nport = 1\nport = 2\n", "port")]
    [InlineData("port = 1\n", "99-test.conf")]
    public async Task What_cannot_be_used_is_an_error_of_the_start_that_names_it(string options, string named)
    {
        // The start without a process; that such an error ends it, with status 1 and one line, is the next test.
        Exception refused = await Assert.ThrowsAnyAsync<Exception>(() => DaemonFixture.StartAsync(options));

        Assert.True(refused is ConfigurationException or IOException or InvalidOperationException, $"{refused}");
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Error_of_the_start_ends_it_with_status_1_and_one_line()
    {
        using var files = new DaemonFiles("[tls]\ncert_file = /no/such/file\n");

        BufferedCommandResult result = await RunAsync("--conf-dir", files.Path);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("/no/such/file", result.StandardError, StringComparison.Ordinal);
        AssertOneLine(result.StandardError);
    }

    [Fact(Timeout = 20_000)]
    public async Task Socket_path_that_is_too_long_ends_the_start_with_one_line()
    {
        string path = $"/tmp/{new string('x', 120)}";
        using var files = new DaemonFiles($"[control]\nsocket = {path}\n");

        BufferedCommandResult result = await RunAsync("--conf-dir", files.Path);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(path, result.StandardError, StringComparison.Ordinal);
        AssertOneLine(result.StandardError);
    }

    [Fact(Timeout = 20_000)]
    public async Task File_that_is_no_socket_at_the_sockets_path_ends_the_start_and_stays()
    {
        using var files = new DaemonFiles();
        File.WriteAllText(files.ControlSocket, "precious");

        BufferedCommandResult result = await RunAsync("--conf-dir", files.Path);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(files.ControlSocket, result.StandardError, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(files.ControlSocket));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"uuid": "a", "size": 1, "url": "foo:bar", "ops": ["read"], "timeout": 1}""")]
    public async Task Bad_ticket_file_is_an_error_that_names_the_file(string ticket)
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync();
        string path = Path.Combine(daemon.Files.Path, "ticket.json");
        File.WriteAllText(path, ticket);

        ConfigurationException refused = Assert.Throws<ConfigurationException>(
            () => TicketFile.Install(path, daemon.Tickets, defaultInactivityTimeout: 60));

        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
        Assert.Empty(daemon.Tickets.All);
    }

    [Fact(Timeout = 20_000)]
    public async Task Missing_ticket_file_ends_the_start_with_one_line_and_leaves_no_socket()
    {
        using var files = new DaemonFiles();
        string path = Path.Combine(files.Path, "ticket.json");

        BufferedCommandResult result = await RunAsync("--conf-dir", files.Path, "--ticket", path);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(path, result.StandardError, StringComparison.Ordinal);
        AssertOneLine(result.StandardError);
        Assert.False(File.Exists(files.ControlSocket));
    }

    [Fact(Timeout = 30_000)]
    public async Task Started_with_a_ticket_it_serves_and_on_sigterm_it_exits_0_and_removes_its_sockets()
    {
        using var files = new DaemonFiles("[daemon]\nfrom_the_future = 1\n");
        byte[] content = TestImage.Random(1000);
        string ticket = Path.Combine(files.Path, "ticket.json");
        File.WriteAllText(ticket, TicketBody.For(
            "a-ticket-of-the-command-line", files.CreateImage(content), 1000, "read").ToJsonString());
        using (var stale = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix,
            System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified))
        {
            // A name that no longer listens, as a daemon that was killed leaves it.
            string elsewhere = Path.Combine(files.Path, "stale");
            stale.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(elsewhere));
            File.Move(elsewhere, files.ControlSocket);
        }

        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files, "-t", ticket);
        byte[] downloaded = await daemon.Remote.GetByteArrayAsync("/images/a-ticket-of-the-command-line");
        _ = Syscall.stat(files.ControlSocket, out Stat stat);
        daemon.Signal(Signum.SIGTERM);
        (int status, string errors) = await daemon.ExitAsync();

        Assert.Equal(content, downloaded);
        Assert.Equal(
            FilePermissions.S_IFSOCK | FilePermissions.S_IRUSR | FilePermissions.S_IWUSR | FilePermissions.S_IRGRP
            | FilePermissions.S_IWGRP,
            stat.st_mode);
        Assert.Equal((0, ""), (status, errors));
        Assert.False(File.Exists(files.ControlSocket));
        Assert.False(File.Exists(files.LocalSocket));
        Assert.Single(files.ReadLog().Split('\n'), line =>
            line.Contains("WARNING", StringComparison.Ordinal)
                && line.Contains("from_the_future", StringComparison.Ordinal));
    }

    // Issue 15, D22: the path was there 40 to 70 ms before anything listened on it, and the port some ms before the
    // path.
    [Fact(Timeout = 30_000)]
    public async Task Client_that_finds_the_control_socket_or_the_remote_port_is_served_by_control_at_once()
    {
        using var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        int port = ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        using var files = new DaemonFiles($"[remote]\nport = {port}\n");
        Task<int> byPath = AskControlOnceAsync(() => Task.FromResult(File.Exists(files.ControlSocket)));
        Task<int> byPort = AskControlOnceAsync(() => IsOpenAsync(port));

        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);

        Assert.Equal(200, await byPath);
        Assert.Equal(200, await byPort);

        async Task<int> AskControlOnceAsync(Func<Task<bool>> isThere)
        {
            while (!await isThere())
            {
                await Task.Yield();
            }

            using RawClient client = await RawClient.ConnectAsync(files.ControlSocket);
            await client.RequestAsync("GET", "/health/live");
            return (await client.ReceiveAsync()).Status;
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Sigterm_lets_a_running_upload_finish_within_the_drain_timeout()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        var image = new TestImage(Guid.NewGuid().ToString(), files.CreateImage(new byte[10]));
        (await daemon.Control.PutAsync(
            $"/tickets/{image.Id}",
            new StringContent(TicketBody.For(image.Id, image.Path, 10).ToJsonString()))).Dispose();
        using RawClient client = await RawClient.ConnectAsync(files.LocalSocket);
        await client.RequestAsync("PUT", image.Url, "Content-Length: 10", "Expect: 100-continue");
        await client.ReceiveAsync();

        daemon.Signal(Signum.SIGTERM);
        // Longer than a runtime's own patience with a signal, shorter than drain_timeout.
        bool cut = client.Socket.Poll(TimeSpan.FromSeconds(3), System.Net.Sockets.SelectMode.SelectRead);
        await client.SendAsync(new byte[10]);
        RawResponse response = await client.ReceiveAsync();
        (int status, _) = await daemon.ExitAsync();

        Assert.False(cut, "The upload was cut");
        Assert.Equal(200, response.Status);
        Assert.Equal(0, status);
    }

    private static void AssertNames(string message, string section, string option, string value)
    {
        Assert.Contains("99-test.conf", message, StringComparison.Ordinal);
        Assert.Contains($"[{section}]", message, StringComparison.Ordinal);
        Assert.Contains($"'{option}'", message, StringComparison.Ordinal);
        Assert.Contains($"'{value}'", message, StringComparison.Ordinal);
        Assert.Contains("expected", message, StringComparison.Ordinal);
    }

    private static void AssertOneLine(string errors) => Assert.Equal(1, errors.Count(character => character == '\n'));

    private static async Task<bool> IsOpenAsync(int port)
    {
        try
        {
            (await RawClient.ConnectTcpAsync(port)).Dispose();
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private static async Task<BufferedCommandResult> RunAsync(params string[] arguments) =>
        await Cli.Wrap(DaemonProcess.Executable).WithArguments(arguments)
            .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();
}
