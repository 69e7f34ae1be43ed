using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Tests.Support.Fuse;

/// <summary>The system calls of a file system in user space.</summary>
internal static unsafe partial class FuseNative
{
    private const int MNT_FORCE = 1;
    private const int MNT_DETACH = 2;

    public static SafeFileHandle OpenDevice()
    {
        int descriptor = Syscall.open("/dev/fuse", OpenFlags.O_RDWR | OpenFlags.O_CLOEXEC);
        Assert.True(descriptor >= 0, $"open(/dev/fuse): {Stdlib.GetLastError()}");
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    public static void Mount(SafeFileHandle device, string directory)
    {
        string options = $"fd={device.DangerousGetHandle()},rootmode=40000,user_id=0,group_id=0,allow_other";
        Assert.True(
            MountCall("imageio-test", directory, "fuse", 0, options) == 0,
            $"mount({directory}): {(Errno)Marshal.GetLastPInvokeError()}");
    }

    /// <summary>Ends the connection, which lets every call fail that waits for an answer, and unmounts.</summary>
    public static void Unmount(string directory)
    {
        _ = UnmountCall(directory, MNT_FORCE);
        _ = UnmountCall(directory, MNT_DETACH);
    }

    /// <summary>The next request. Empty: there will be none any more.</summary>
    public static ReadOnlyMemory<byte> Read(SafeFileHandle device, byte[] buffer)
    {
        while (true)
        {
            nint count;
            try
            {
                fixed (byte* bytes = buffer)
                {
                    count = ReadCall(device, bytes, buffer.Length);
                }
            }
            catch (ObjectDisposedException)
            {
                // Unmounted and closed since the last request.
                return default;
            }

            if (count > 0)
            {
                return buffer.AsMemory(0, (int)count);
            }

            // ENOENT: the request was interrupted before we could read it.
            if ((Errno)Marshal.GetLastPInvokeError() is not (Errno.EINTR or Errno.EAGAIN or Errno.ENOENT))
            {
                return default;
            }
        }
    }

    /// <summary>Sends an answer. Fails silently when who asked is gone.</summary>
    public static void Write(SafeFileHandle device, ReadOnlySpan<byte> answer)
    {
        try
        {
            fixed (byte* bytes = answer)
            {
                _ = WriteCall(device, bytes, answer.Length);
            }
        }
        catch (ObjectDisposedException)
        {
            // Unmounted and closed meanwhile.
        }
    }

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MountCall(string source, string target, string type, ulong flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnmountCall(string target, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadCall(SafeFileHandle device, byte* buffer, nint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteCall(SafeFileHandle device, byte* buffer, nint count);
}
