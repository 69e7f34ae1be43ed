using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Control;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Control;

/// <summary><c>ovirt-imageioctl</c> with a running daemon (client contract, section 1).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class ControlCommandsTests(RunningDaemon daemon)
{
    [Fact(Timeout = 20_000)]
    public async Task Ticket_is_added_shown_changed_listed_and_removed()
    {
        string id = Guid.NewGuid().ToString();
        string file = Path.Combine(daemon.Files.Path, $"{id}.json");
        File.WriteAllText(file, TicketBody.For(id, "/no/image", 1000).With("transfer_id", "é").ToJsonString());

        Assert.Equal((0, "", ""), Run("add-ticket", file, "-c", daemon.Files.Path));
        (int status, string shown, string errors) = Run("show-ticket", id, "--conf-dir", daemon.Files.Path);

        Assert.Equal((0, ""), (status, errors));
        Assert.StartsWith("{\n  \"", shown, StringComparison.Ordinal);
        Assert.Contains("\"transfer_id\": \"é\"", shown, StringComparison.Ordinal);
        Assert.Equal(id, JsonNode.Parse(shown)!["uuid"]!.GetValue<string>());
        Assert.Equal((0, "", ""), Run("mod-ticket", id, "--timeout", "7000", "-c", daemon.Files.Path));
        Assert.Contains(JsonNode.Parse(Run("list-tickets", "-c", daemon.Files.Path).Output)!.AsArray(), ticket =>
            ticket!["uuid"]!.GetValue<string>() == id);
        JsonObject changed = await daemon.GetTicketAsync(id);
        Assert.True(changed["expires"]!.GetValue<long>() > JsonNode.Parse(shown)!["expires"]!.GetValue<long>());

        // Twice: an unknown ticket is removed already.
        Assert.Equal((0, "", ""), Run("del-ticket", id, "-c", daemon.Files.Path));
        Assert.Equal((0, "", ""), Run("del-ticket", id, "-c", daemon.Files.Path));
        Assert.Equal(1, Run("show-ticket", id, "-c", daemon.Files.Path).Status);
    }

    [Theory]
    [InlineData(1, "ovirt-imageioctl: Server error: 404 ", "show-ticket", "no/such ticket?")]
    [InlineData(1, "ovirt-imageioctl: Server error: 400 ", "mod-ticket", "x")]
    [InlineData(1, "ovirt-imageioctl: Server error: 404 ", "mod-ticket", "no-such-ticket", "--timeout", "1")]
    [InlineData(1, "ovirt-imageioctl: This daemon has no profiler", "start-profile")]
    [InlineData(1, "ovirt-imageioctl: This daemon has no profiler", "stop-profile")]
    [InlineData(1, "ovirt-imageioctl: Could not find file '/no-such-file'", "add-ticket", "/no-such-file")]
    [InlineData(1, "ovirt-imageioctl: /dev/null is no ticket", "add-ticket", "/dev/null")]
    [InlineData(2, "ovirt-imageioctl: the following arguments are required: ID", "show-ticket")]
    [InlineData(2, "ovirt-imageioctl: unrecognized arguments: y", "show-ticket", "x", "y")]
    [InlineData(2, "ovirt-imageioctl: unrecognized arguments: --wrong", "show-ticket", "x", "--wrong")]
    [InlineData(
        2, "ovirt-imageioctl: argument --timeout: invalid int value: 'soon'", "mod-ticket", "x", "--timeout", "soon")]
    [InlineData(2, "ovirt-imageioctl: argument --timeout: expected one argument", "mod-ticket", "x", "--timeout")]
    [InlineData(2, "ovirt-imageioctl: argument command: invalid choice: 'remove-ticket'", "remove-ticket", "x")]
    public void Failure_is_one_line_with_its_reason(int status, string error, params string[] arguments)
    {
        (int actual, string output, string errors) = Run(
            arguments[^1] == "--timeout" ? arguments : [.. arguments, "-c", daemon.Files.Path]);

        Assert.Equal((status, ""), (actual, output));
        Assert.StartsWith(error, errors, StringComparison.Ordinal);
        Assert.Equal(1, errors.Count(character => character == '\n'));
    }

    [Theory]
    [InlineData]
    [InlineData("-h")]
    [InlineData("show-ticket", "--he")]
    public void Help_is_shown_and_is_no_failure(params string[] arguments)
    {
        (int status, string output, string errors) = Run(arguments);

        Assert.Equal((0, ""), (status, errors));
        Assert.All(
            (string[])["add-ticket", "show-ticket", "list-tickets", "mod-ticket", "del-ticket", "--conf-dir"],
            word => Assert.Contains(word, output, StringComparison.Ordinal));
    }

    [Fact]
    public void Options_may_be_shortened_joined_and_follow_anything()
    {
        Assert.Equal(0, Run("del-ticket", $"--conf={daemon.Files.Path}", "x").Status);
        Assert.Equal(0, Run("del-ticket", "x", $"-c{daemon.Files.Path}").Status);
        Assert.Equal(0, Run("del-ticket", "--c", daemon.Files.Path, "--", "-x").Status);
    }

    [Fact(Timeout = 20_000)]
    public async Task Daemon_with_a_control_port_is_found_by_its_configuration()
    {
        using var files = new DaemonFiles("[control]\ntransport = tcp\nport = 0\n");
        await using DaemonProcess other = await DaemonProcess.StartAsync(files);
        files.AddOptions("99-test.conf", $"[control]\ntransport = tcp\nport = {other.ControlUrl.Port}\n");

        Assert.Equal("[]\n", Run("list-tickets", "-c", files.Path).Output);
    }

    [Theory]
    [InlineData("[control]\nsocket = /no/such/socket\n", "Cannot reach the control service at /no/such/socket: there "
        + "is no such socket")]
    [InlineData("[control]\nenable = false\n", "The control service is switched off")]
    [InlineData("[control]\ntransport = tcp\nport = 1\n", "Cannot reach the control service at 127.0.0.1:1: "
        + "Connection refused")]
    public void Service_that_is_not_there_is_said_to_be(string options, string error)
    {
        using var files = new DaemonFiles(options);

        (int status, _, string errors) = Run("list-tickets", "-c", files.Path);

        Assert.Equal(1, status);
        Assert.StartsWith($"ovirt-imageioctl: {error}", errors, StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Program_does_the_same()
    {
        BufferedCommandResult result = await Cli.Wrap(Path.Combine(AppContext.BaseDirectory, "ovirt-imageioctl"))
            .WithArguments(["add-ticket", "-", "-c", daemon.Files.Path])
            .WithStandardInputPipe(
                PipeSource.FromString(TicketBody.For("a-ticket-from-standard-input", "/no/image", 1).ToJsonString()))
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();

        Assert.Equal((0, "", ""), (result.ExitCode, result.StandardOutput, result.StandardError));
        Assert.Equal(300, (await daemon.GetTicketAsync("a-ticket-from-standard-input"))["timeout"]!.GetValue<int>());
    }

    private static (int Status, string Output, string Errors) Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        int status = new ControlCommands(output, errors).Run(arguments);
        return (status, output.ToString(), errors.ToString());
    }
}
