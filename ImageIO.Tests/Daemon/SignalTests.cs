using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>SIGHUP: the log level is read again.</summary>
public sealed class SignalTests
{
    private const string AnyDebugLine = " DEBUG ";

    [Fact(Timeout = 30_000)]
    public async Task Sighup_takes_the_log_level_from_the_configuration_anew()
    {
        using var files = new DaemonFiles("[logger_root]\nlevel = INFO\n");
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        await daemon.Local.GetAsync("/none");
        string before = files.ReadLog();

        files.AddOptions("99-test.conf", "[logger_root]\nlevel = DEBUG\n");
        daemon.Signal(Signum.SIGHUP);
        await LogsAsync(files, "SIGHUP: log level is Debug");
        using (RawClient client = await RawClient.ConnectAsync(files.LocalSocket))
        {
            await client.AssertOpenAsync();
        }

        await LogsAsync(files, AnyDebugLine);
        Assert.DoesNotContain(AnyDebugLine, before, StringComparison.Ordinal);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("[logger_root]\nlevel = LOUD\n", "'LOUD'")]
    [InlineData("no section\n", "99-test.conf")]
    public async Task Configuration_that_became_wrong_changes_nothing_and_is_logged(string options, string named)
    {
        using var files = new DaemonFiles("[logger_root]\nlevel = INFO\n");
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);

        files.AddOptions("99-test.conf", options);
        daemon.Signal(Signum.SIGHUP);
        await LogsAsync(files, "SIGHUP: the configuration cannot be read, nothing was changed");
        using HttpResponseMessage response = await daemon.Local.GetAsync("/none");
        daemon.Signal(Signum.SIGTERM);
        (int status, _) = await daemon.ExitAsync();

        Assert.Equal(0, status);
        Assert.Contains(named, files.ReadLog(), StringComparison.Ordinal);
        Assert.DoesNotContain(AnyDebugLine, files.ReadLog(), StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Configuration_that_cannot_be_read_any_more_changes_nothing_and_is_logged()
    {
        using var files = new DaemonFiles("[logger_root]\nlevel = INFO\n");
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);

        Directory.Move(Path.Combine(files.Path, "conf.d"), Path.Combine(files.Path, "elsewhere"));
        daemon.Signal(Signum.SIGHUP);
        await LogsAsync(files, "SIGHUP: the configuration cannot be read, nothing was changed");
        using HttpResponseMessage response = await daemon.Local.GetAsync("/none");

        Assert.Equal(System.Net.HttpStatusCode.NotFound, response.StatusCode);
    }

    private static Task LogsAsync(DaemonFiles files, string text) => Eventually.HoldsAsync(
        () => files.ReadLog().Contains(text, StringComparison.Ordinal), $"the log has: {text}");
}
