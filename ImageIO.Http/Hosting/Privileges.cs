using System.Runtime.InteropServices;
using Mono.Unix.Native;

namespace ImageIO.Http.Hosting;

/// <summary>Turns a process that root started into an ordinary user's, for good.</summary>
public static partial class Privileges
{
    /// <summary>Whether the process has root's rights now.</summary>
    public static bool IsRoot => Syscall.geteuid() == 0;

    /// <summary>
    /// Gives some files to the user, then takes the user's id, group and supplementary groups: real, effective and
    /// saved ones, so that there is no way back (setresuid(2)). glibc does it for all threads.
    /// </summary>
    /// <param name="userName">The user.</param>
    /// <param name="groupName">The group.</param>
    /// <param name="owned">Files and directories that the user needs to own; those that do not exist are passed over.</param>
    /// <exception cref="ConfigurationException">There is no such user or group, or the kernel refuses.</exception>
    public static void Drop(string userName, string groupName, IEnumerable<string> owned)
    {
        Passwd user = Syscall.getpwnam(userName) ?? throw Unknown("user", "user_name", userName);
        Group group = Syscall.getgrnam(groupName) ?? throw Unknown("group", "group_name", groupName);
        foreach (string path in owned.Where(path => File.Exists(path) || Directory.Exists(path)))
        {
            Check(Syscall.chown(path, user.pw_uid, group.gr_gid), $"chown({path}, {userName}:{groupName})");
        }

        Check(InitGroups(userName, group.gr_gid), $"initgroups({userName})");
        Check(SetResGid(group.gr_gid, group.gr_gid, group.gr_gid), $"setresgid({group.gr_gid})");
        Check(SetResUid(user.pw_uid, user.pw_uid, user.pw_uid), $"setresuid({user.pw_uid})");
        if (user.pw_uid != 0 && Syscall.setuid(0) == 0)
        {
            throw new ConfigurationException("Root's rights could be taken back after they were dropped");
        }
    }

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new ConfigurationException($"{call} failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    private static ConfigurationException Unknown(string what, string option, string name) =>
        new($"Cannot drop privileges: there is no {what} '{name}'; create it, name another in [daemon] {option}, or set drop_privileges = false");

    [LibraryImport("libc", EntryPoint = "initgroups", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int InitGroups(string user, uint group);

    [LibraryImport("libc", EntryPoint = "setresgid", SetLastError = true)]
    private static partial int SetResGid(uint real, uint effective, uint saved);

    [LibraryImport("libc", EntryPoint = "setresuid", SetLastError = true)]
    private static partial int SetResUid(uint real, uint effective, uint saved);
}
