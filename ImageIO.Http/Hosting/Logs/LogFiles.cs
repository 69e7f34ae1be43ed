using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Opens log files for appending.</summary>
internal static class LogFiles
{
    /// <summary>0644, because administrators' tools read it.</summary>
    public const FilePermissions Mode = FilePermissions.S_IRUSR
        | FilePermissions.S_IWUSR | FilePermissions.S_IRGRP | FilePermissions.S_IROTH;

    private const OpenFlags Append = OpenFlags.O_WRONLY | OpenFlags.O_APPEND | OpenFlags.O_CREAT | OpenFlags.O_CLOEXEC;

    /// <summary>
    /// Opens or creates a file. If this user may not write it but owns the directory, it is a leftover of another user
    /// (of root, after a start by hand): it is renamed like an old log, and a new file is created.
    /// </summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static SafeFileHandle Open(string path, bool truncates, int backupCount)
    {
        OpenFlags flags = Append | (truncates ? OpenFlags.O_TRUNC : 0);
        int descriptor = Syscall.open(path, flags, Mode);
        int error = Marshal.GetLastPInvokeError();
        if (descriptor < 0 && Stdlib.GetLastError() == Errno.EACCES && IsRenamed(path, backupCount))
        {
            descriptor = Syscall.open(path, flags, Mode);
        }

        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException(Marshal.GetPInvokeErrorMessage(error));
    }

    private static bool IsRenamed(string path, int backupCount)
    {
        try
        {
            SizeRotation.Shift(path, Math.Max(1, backupCount));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
