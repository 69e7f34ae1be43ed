using Mono.Unix.Native;

namespace ImageIO.Tests.Support;

/// <summary>
/// A user whom a daemon that root starts becomes. Every Linux has it; of its groups it has none but its own.
/// </summary>
internal sealed class DaemonUser
{
    public DaemonUser()
    {
        Skip.If(Syscall.geteuid() != 0, "needs root");
        Passwd? user = Syscall.getpwnam(Name);
        Skip.If(user is null, $"there is no user {Name}");
        Group? group = Syscall.getgrgid(user.pw_gid);
        Skip.If(group is null, $"the group of {Name} has no name");
        (Uid, Gid, Group) = (user.pw_uid, user.pw_gid, group.gr_name);
    }

    public string Name => "nobody";

    public string Group { get; }

    public uint Uid { get; }

    public uint Gid { get; }

    public void Own(string path) => Assert.Equal(0, Syscall.chown(path, Uid, Gid));

    public void OpenToAll(string path) => Assert.Equal(0, Syscall.chmod(path, FilePermissions.ACCESSPERMS));
}
