using System.Globalization;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>Root's rights are dropped for good (daemon-api section 6).</summary>
[Trait("Needs", "Root")]
public sealed class PrivilegesTests
{
    // Every Linux has it; of its groups it has none but its own.
    private const string User = "nobody";

    [SkippableFact(Timeout = 30_000)]
    public async Task Every_thread_is_the_users_and_transfers_still_work()
    {
        (uint uid, uint gid, string group) = Nobody();
        using var files = new DaemonFiles(Options(group));
        OpenToAll(files);
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        byte[] content = Bytes.Random(300_000);
        TestImage image = await daemon.AddImageAsync(new byte[content.Length]);
        Assert.Equal(0, Syscall.chown(image.Path, uid, gid));

        (await daemon.Remote.PutAsync(image.Url, new ByteArrayContent(content))).EnsureSuccessStatusCode();
        byte[] received = await daemon.Local.GetByteArrayAsync(image.Url);
        _ = await daemon.Local.GetStringAsync($"{image.Url}/checksum?algorithm=sha3_512");

        Bytes.AssertEqual(content, received, "the download");
        foreach (string thread in Directory.GetDirectories($"/proc/{daemon.Id}/task"))
        {
            string[] status;
            try
            {
                status = File.ReadAllLines(Path.Combine(thread, "status"));
            }
            catch (IOException)
            {
                // It has ended since.
                continue;
            }

            Assert.Equal(Enumerable.Repeat(uid, 4), Ids(status, "Uid:"));
            Assert.Equal(Enumerable.Repeat(gid, 4), Ids(status, "Gid:"));
            Assert.DoesNotContain(0u, Ids(status, "Groups:"));
            // No capability: nothing to take root back with.
            foreach (string set in (string[])["CapPrm:", "CapEff:", "CapAmb:"])
            {
                Assert.Equal("0000000000000000", Line(status, set));
            }
        }
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Log_and_sockets_are_the_users_and_sockets_go_at_exit()
    {
        (uint uid, uint gid, string group) = Nobody();
        using var files = new DaemonFiles(Options(group));
        OpenToAll(files);
        string runDirectory = Path.Combine(files.Path, "run");
        Directory.CreateDirectory(runDirectory);
        files.AddOptions(
            "99-z.conf", $"[daemon]\nrun_dir = {runDirectory}\n[control]\nsocket "
                + $"= {runDirectory}/control\n[local]\nsocket = {runDirectory}/local\n");
        await using DaemonProcess process = await DaemonProcess.StartAsync(files);

        foreach (string path in (string[])[runDirectory,
            files.LogFile, $"{runDirectory}/control", $"{runDirectory}/local"])
        {
            Assert.Equal(0, Syscall.stat(path, out Stat stat));
            Assert.Equal((uid, gid), (stat.st_uid, stat.st_gid));
        }

        process.Signal(Signum.SIGTERM);
        Assert.Equal((0, ""), await process.ExitAsync());
        Assert.Empty(Directory.GetFiles(runDirectory));
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("user_name = no-such-user-here\n", "no-such-user-here")]
    [InlineData("user_name = nobody\ngroup_name = no-such-group-here\n", "no-such-group-here")]
    public async Task Missing_user_or_group_ends_the_start_with_one_line_and_leaves_nothing(
        string options, string named)
    {
        Skip.If(Syscall.geteuid() != 0, "needs root");
        using var files = new DaemonFiles("[daemon]\ndrop_privileges = true\n" + options);

        BufferedCommandResult result = await Cli.Wrap(DaemonProcess.Executable).WithArguments(
            ["--conf-dir", files.Path])
            .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();

        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"'{named}'", result.StandardError, StringComparison.Ordinal);
        Assert.Contains("drop_privileges = false", result.StandardError, StringComparison.Ordinal);
        Assert.Equal(1, result.StandardError.Count(character => character == '\n'));
        Assert.False(File.Exists(files.ControlSocket));
    }

    private static (uint Uid, uint Gid, string Group) Nobody()
    {
        Skip.If(Syscall.geteuid() != 0, "needs root");
        Passwd? user = Syscall.getpwnam(User);
        Skip.If(user is null, $"there is no user {User}");
        Group? group = Syscall.getgrgid(user.pw_gid);
        Skip.If(group is null, $"the group of {User} has no name");
        return (user.pw_uid, user.pw_gid, group.gr_name);
    }

    private static string Options(string group) =>
        $"[daemon]\ndrop_privileges = true\nuser_name = {User}\ngroup_name = {group}\nrun_dir = /no/such/directory\n";

    private static void OpenToAll(DaemonFiles files) => File.SetUnixFileMode(
        files.Path,
        UnixFileMode.UserRead
            | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupWrite
        | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);

    private static string Line(string[] status, string name) =>
        status.Single(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Trim();

    private static IEnumerable<uint> Ids(string[] status, string name) => Line(status, name)
        .Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)
        .Select(id => uint.Parse(id, CultureInfo.InvariantCulture));
}
