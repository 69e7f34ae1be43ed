using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Http.Hosting;

/// <summary>
/// The ordinary user that a process started by root becomes, and that gets the files which root made before. Ownership
/// is never changed by path: the user may own the directory, and could replace the file with a link.
/// </summary>
public sealed partial class ServiceUser
{
    // AT_EMPTY_PATH of openat(2): the descriptor itself.
    private const int EmptyPath = 0x1000;

    private const FilePermissions AllWrite = FilePermissions.S_IWGRP | FilePermissions.S_IWOTH;

    private readonly string _user;
    private readonly string _group;
    private readonly uint _uid;
    private readonly uint _gid;

    private ServiceUser(string user, string group, uint uid, uint gid)
    {
        _user = user;
        _group = group;
        _uid = uid;
        _gid = gid;
    }

    /// <summary>Whether this process has root's rights now.</summary>
    public static bool IsRoot => Syscall.geteuid() == 0;

    /// <summary>Looks a user up.</summary>
    /// <exception cref="ConfigurationException">There is no such user or group.</exception>
    public static ServiceUser Find(string userName, string groupName)
    {
        Passwd user = Syscall.getpwnam(userName) ?? throw Unknown("user", "user_name", userName);
        Group group = Syscall.getgrnam(groupName) ?? throw Unknown("group", "group_name", groupName);
        return new ServiceUser(userName, groupName, user.pw_uid, group.gr_gid);
    }

    /// <summary>Creates a directory for the user, or gives the user the existing one. A link is refused.</summary>
    /// <exception cref="ConfigurationException">It cannot be created or given.</exception>
    public void OwnDirectory(string path)
    {
        // 0750: for the user, and for the manager's group.
        if (Syscall.mkdir(path, FilePermissions.S_IRWXU | FilePermissions.S_IRGRP | FilePermissions.S_IXGRP) != 0
            && Stdlib.GetLastError() == Errno.ENOENT)
        {
            // Only the control socket needs it, and may be elsewhere. Binding the socket reports what is missing.
            return;
        }

        using SafeFileHandle directory = OpenUnlinked(path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        Own(directory, path);
    }

    /// <summary>Gives the user a socket file that root has just bound. Anything else at that path is refused.</summary>
    /// <exception cref="ConfigurationException">The path is not a socket of root.</exception>
    public void OwnSocket(SafeFileHandle socket, string path)
    {
        ArgumentNullException.ThrowIfNull(socket);
        Check(Syscall.fstat((int)socket.DangerousGetHandle(), out Stat stat), $"fstat({path})");
        if ((stat.st_mode & FilePermissions.S_IFMT) != FilePermissions.S_IFSOCK
            || stat.st_nlink != 1 || stat.st_uid != 0)
        {
            throw new ConfigurationException(
                $"{path} was replaced while the daemon started: it is not the socket that was bound");
        }

        Own(socket, path);
    }

    /// <summary>
    /// Creates a log file for the user in a directory that belongs to root alone, where the user cannot. Does nothing
    /// in other directories: there the user creates it after <see cref="Become"/>.
    /// </summary>
    /// <exception cref="ConfigurationException">The path is a link, or no regular file.</exception>
    public void OwnLog(string path)
    {
        if (RootsOwnDirectory(path) is not { } directory)
        {
            return;
        }

        string real = Path.Combine(directory, Path.GetFileName(path));
        // O_NONBLOCK: opening a pipe would wait for a reader.
        using SafeFileHandle file = OpenUnlinked(
            real, OpenFlags.O_WRONLY | OpenFlags.O_APPEND | OpenFlags.O_CREAT | OpenFlags.O_NONBLOCK);
        Check(Syscall.fstat((int)file.DangerousGetHandle(), out Stat stat), $"fstat({real})");
        if ((stat.st_mode & FilePermissions.S_IFMT) != FilePermissions.S_IFREG || stat.st_nlink != 1)
        {
            throw new ConfigurationException(
                $"Cannot write the log file {path}: it is no ordinary file, or has a second name");
        }

        Own(file, real);
    }

    /// <summary>
    /// Takes the user's id, group and supplementary groups, real, effective and saved, so that there is no way back
    /// (setresuid(2)). glibc does it for all threads.
    /// </summary>
    /// <exception cref="ConfigurationException">The kernel refuses.</exception>
    public void Become()
    {
        Check(InitGroups(_user, _gid), $"initgroups({_user})");
        Check(SetResGid(_gid, _gid, _gid), $"setresgid({_gid})");
        Check(SetResUid(_uid, _uid, _uid), $"setresuid({_uid})");
        if (_uid != 0 && Syscall.setuid(0) == 0)
        {
            throw new ConfigurationException("Root's rights could be taken back after they were dropped");
        }
    }

    // The real path of a file's directory, if only root can change it and its parents.
    private static string? RootsOwnDirectory(string path)
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        if (RealPath(directory) is not { } real)
        {
            return null;
        }

        for (string? part = real; part is not null; part = Path.GetDirectoryName(part))
        {
            if (Syscall.lstat(part, out Stat stat) != 0 || stat.st_uid != 0 || (stat.st_mode & AllWrite) != 0)
            {
                return null;
            }
        }

        return real;
    }

    // Null: it does not exist.
    private static string? RealPath(string path)
    {
        byte[] real = new byte[4096];
        return RealPath(
            path, real) == 0 ? null : System.Text.Encoding.UTF8.GetString(real.AsSpan(0, Array.IndexOf<byte>(real, 0)));
    }

    private static SafeFileHandle OpenUnlinked(string path, OpenFlags flags)
    {
        int descriptor = Syscall.open(path, flags | OpenFlags.O_NOFOLLOW | OpenFlags.O_CLOEXEC, Logs.LogFiles.Mode);
        Check(descriptor < 0 ? -1 : 0, $"open({path}) without following a link");
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new ConfigurationException($"{call} failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    private static ConfigurationException Unknown(string what, string option, string name) =>
        new($"Cannot drop privileges: there is no {what} '{name}'; create it, name another in [daemon] {option}, or "
            + $"set drop_privileges = false");

    private void Own(SafeFileHandle file, string path) =>
        Check(ChownAt(file, "", _uid, _gid, EmptyPath), $"chown({path}, {_user}:{_group})");

    [LibraryImport("libc", EntryPoint = "initgroups", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int InitGroups(string user, uint group);

    [LibraryImport("libc", EntryPoint = "setresgid", SetLastError = true)]
    private static partial int SetResGid(uint real, uint effective, uint saved);

    [LibraryImport("libc", EntryPoint = "setresuid", SetLastError = true)]
    private static partial int SetResUid(uint real, uint effective, uint saved);

    [LibraryImport("libc", EntryPoint = "fchownat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChownAt(SafeFileHandle file, string path, uint user, uint group, int flags);

    [LibraryImport("libc", EntryPoint = "realpath", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint RealPath(string path, [Out] byte[] real);
}
