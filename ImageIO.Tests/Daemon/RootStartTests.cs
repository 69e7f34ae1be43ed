using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// A start as root in directories of the daemon's user, who may have put anything there (issue 15, C15): root follows
/// no link, gives nothing away that it did not make, and leaves nothing behind that is its own.
/// </summary>
[Trait("Needs", "Root")]
public sealed class RootStartTests : IDisposable
{
    private readonly DaemonUser _user = new();
    private readonly DaemonFiles _files = new();
    private readonly string _own;
    private readonly string _secret;

    public RootStartTests()
    {
        _own = Path.Combine(_files.Path, "own");
        _secret = Path.Combine(_files.Path, "secret");
        _user.OpenToAll(_files.Path);
        Directory.CreateDirectory(_own);
        _user.Own(_own);
        File.WriteAllText(_secret, "root's\n");
        Assert.Equal(0, Syscall.chmod(_secret, FilePermissions.S_IRUSR | FilePermissions.S_IWUSR));
        _files.AddOptions("99-test.conf", $"""
            [daemon]
            drop_privileges = true
            user_name = {_user.Name}
            group_name = {_user.Group}
            run_dir = {_own}
            [control]
            socket = {_own}/control
            [local]
            socket = {_own}/local
            [handler_logfile]
            args = ("{_own}/daemon.log",)
            """);
    }

    public void Dispose() => _files.Dispose();

    [SkippableTheory(Timeout = 30_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Log_that_is_a_link_to_roots_file_gives_nothing_away(bool isSymbolic)
    {
        string log = Path.Combine(_own, "daemon.log");
        Assert.Equal(0, isSymbolic ? Syscall.symlink(_secret, log) : Syscall.link(_secret, log));

        await using DaemonProcess daemon = await StartAsync();

        AssertSecretIsRoots();
        AssertIsUsers(log);
        Assert.Contains("serves", File.ReadAllText(log), StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Log_that_an_earlier_start_left_to_root_is_kept_as_an_old_one()
    {
        string log = Path.Combine(_own, "daemon.log");
        File.WriteAllText(log, "root's\n");

        await using DaemonProcess daemon = await StartAsync();

        AssertIsUsers(log);
        Assert.Equal("root's\n", File.ReadAllText(log + ".1"));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Sockets_that_are_swapped_while_it_starts_give_nothing_away()
    {
        using var stop = new CancellationTokenSource();
        var swapper = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                foreach (string socket in (string[])[$"{_own}/control",
                    $"{_own}/local", $"{_own}/control~", $"{_own}/local~"])
                {
                    if (Syscall.lstat(socket, out Stat stat) == 0
                        && (stat.st_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFSOCK)
                    {
                        Syscall.unlink(socket);
                        Syscall.symlink(_secret, socket);
                    }
                }
            }
        });
        swapper.Start();
        try
        {
            for (int i = 0; i < 3; i++)
            {
                // It may start, or find out; either way nothing of root's has become the user's.
                await StartOrFailAsync();
                AssertSecretIsRoots();
                Array.ForEach(Directory.GetFiles(_own), File.Delete);
            }
        }
        finally
        {
            await stop.CancelAsync();
            swapper.Join();
        }
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Run_directory_that_is_a_link_is_refused()
    {
        string link = Path.Combine(_files.Path, "link");
        string target = Directory.CreateDirectory(Path.Combine(_files.Path, "target")).FullName;
        Assert.Equal(0, Syscall.symlink(target, link));
        _files.AddOptions("99-z.conf", $"[daemon]\nrun_dir = {link}\n");

        BufferedCommandResult result = await RunAsync();

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(link, result.StandardError, StringComparison.Ordinal);
        Assert.Equal(0, Syscall.stat(target, out Stat stat));
        Assert.Equal(0u, stat.st_uid);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Run_directory_that_is_missing_is_made_for_the_user_and_its_group()
    {
        string made = Path.Combine(_files.Path, "made");
        _files.AddOptions("99-z.conf", $"[daemon]\nrun_dir = {made}\n[control]\nsocket = {made}/control\n");

        await using DaemonProcess daemon = await StartAsync();

        Assert.Equal(0, Syscall.stat(made, out Stat stat));
        Assert.Equal("750", Convert.ToString((int)(stat.st_mode & FilePermissions.ALLPERMS), 8));
        AssertIsUsers(made);
        AssertIsUsers(Path.Combine(made, "control"));
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Log_in_a_directory_of_roots_alone_is_made_for_the_user()
    {
        string directory = Directory.CreateDirectory($"/run/imageio-test-{Guid.NewGuid():N}").FullName;
        try
        {
            string log = Path.Combine(directory, "daemon.log");
            _files.AddOptions("99-z.conf", $"[handler_logfile]\nargs = (\"{log}\",)\n");

            await using DaemonProcess daemon = await StartAsync(log);

            AssertIsUsers(log);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    // Its user may not remove the socket file from there: the stop failed with an unhandled exception.
    [SkippableFact(Timeout = 30_000)]
    public async Task Socket_in_a_directory_of_roots_alone_does_not_make_the_stop_fail()
    {
        string directory = Directory.CreateDirectory($"/run/imageio-test-{Guid.NewGuid():N}").FullName;
        try
        {
            _files.AddOptions("99-z.conf", $"[local]\nsocket = {directory}/local\n");
            await using DaemonProcess daemon = await StartAsync();

            daemon.Signal(Signum.SIGTERM);

            Assert.Equal((0, ""), await daemon.ExitAsync());
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("[tls]\ncert_file = /no/such/file\n")]
    [InlineData("[tls]\nkey_file =\n")]
    [InlineData("[daemon]\nmax_connections = many\n")]
    [InlineData("[remote]\nport = many\n")]
    [InlineData("[daemon]\nuser_name = no-such-user-here\n")]
    [InlineData("[daemon]\nplugin_dir = /no/such/directory\n")]
    [InlineData("[control]\nsocket = /no/such/directory/sock\n")]
    [InlineData("[handler_logfile]\nargs = (\"/no/such/directory/daemon.log\",)\n")]
    public async Task Start_that_fails_leaves_nothing_that_is_roots(string options)
    {
        _files.AddOptions("99-z.conf", options);

        BufferedCommandResult result = await RunAsync();

        Assert.Equal(1, result.ExitCode);
        Assert.All(Directory.GetFileSystemEntries(_own), AssertIsUsers);
        Assert.DoesNotContain(
            Directory.GetFileSystemEntries(_own), entry => entry.EndsWith("control", StringComparison.Ordinal));
    }

    private void AssertIsUsers(string path)
    {
        Assert.Equal(0, Syscall.lstat(path, out Stat stat));
        Assert.True(stat.st_uid == _user.Uid && stat.st_gid == _user.Gid, $"{path} is {stat.st_uid}:{stat.st_gid}'s");
    }

    private void AssertSecretIsRoots()
    {
        Assert.Equal(0, Syscall.stat(_secret, out Stat stat));
        Assert.Equal(("root's\n", 0u, "600"), (File.ReadAllText(_secret), stat.st_uid, Convert.ToString(
            (int)(stat.st_mode & FilePermissions.ALLPERMS), 8)));
    }

    private Task<DaemonProcess> StartAsync(string? log = null)
    {
        _files.LogFile = log ?? Path.Combine(_own, "daemon.log");
        return DaemonProcess.StartAsync(_files);
    }

    private async Task StartOrFailAsync()
    {
        File.Delete(Path.Combine(_own, "daemon.log"));
        try
        {
            await using DaemonProcess daemon = await StartAsync();
        }
        catch (Xunit.Sdk.FailException e)
        {
            Assert.Matches("Cannot listen|was replaced while the daemon started", e.Message);
        }
    }

    private async Task<BufferedCommandResult> RunAsync() =>
        await Cli.Wrap(DaemonProcess.Executable).WithArguments(["--conf-dir", _files.Path])
            .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();
}
