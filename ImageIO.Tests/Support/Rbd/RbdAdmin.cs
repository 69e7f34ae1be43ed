using System.Text;
using ImageIO.Backends.Rbd.Native;

namespace ImageIO.Tests.Support.Rbd;

/// <summary>
/// A manager's actions on images: creates, clones, resizes and removes them and their snapshots. In this process,
/// because a program of Ceph takes half a second to start.
/// </summary>
internal sealed class RbdAdmin(ClusterHandle cluster, string pool, string space = "") : IDisposable
{
    public const ulong AllFeatures = 1 | 4 | 8 | 16 | 32;
    public const ulong Journaling = 64;

    private readonly IoContextHandle _pool = IoContextHandle.Create(cluster, pool, space);
    private int _names;

    /// <summary>Makes an image.</summary>
    public void Create(string name, long size, RbdShape shape)
    {
        using var options = shape.ToOptions();
        Check("rbd_create4", RbdAdminCalls.Create(_pool, name, (ulong)size, options.Handle));
    }

    /// <summary>Makes an image of a new name.</summary>
    public string CreateNew(long size, RbdShape? shape = null)
    {
        string name = NewName();
        Create(name, size, shape ?? new RbdShape());
        return name;
    }

    /// <summary>A name that no image has.</summary>
    public string NewName() => $"image{Interlocked.Increment(ref _names)}";

    /// <summary>Makes a clone of a snapshot, which is protected.</summary>
    public void Clone(string parent, string snapshot, string name, RbdShape shape)
    {
        using var options = shape.ToOptions();
        Check("rbd_clone3", RbdAdminCalls.Clone(_pool, parent, snapshot, _pool, name, options.Handle));
    }

    public void Namespace(string name) => Check("rbd_namespace_create", RbdAdminCalls.CreateNamespace(_pool, name));

    public int Remove(string name) => RbdAdminCalls.Remove(_pool, name);

    public void Snapshot(string image, string snapshot) =>
        With(image, handle => Check("rbd_snap_create", RbdAdminCalls.CreateSnapshot(handle, snapshot)));

    public void Protect(string image, string snapshot) =>
        With(image, handle => Check("rbd_snap_protect", RbdAdminCalls.ProtectSnapshot(handle, snapshot)));

    public void RemoveSnapshot(string image, string snapshot) =>
        With(image, handle => Check("rbd_snap_remove", RbdAdminCalls.RemoveSnapshot(handle, snapshot)));

    /// <summary>Writes the same byte all over an image.</summary>
    public unsafe void Fill(string image, long size, byte value)
    {
        byte[] bytes = new byte[size];
        bytes.AsSpan().Fill(value);
        With(image, handle =>
        {
            fixed (byte* first = bytes)
            {
                Check("rbd_write", (int)Math.Min(0, RbdAdminCalls.Write(handle, 0, (nuint)size, first)));
            }
        });
    }

    public void Resize(string image, long size) =>
        With(image, handle => Check("rbd_resize", RbdAdminCalls.Resize(handle, (ulong)size)));

    public void SetMetadata(string image, string key, string value) =>
        With(image, handle => Check("rbd_metadata_set", RbdAdminCalls.SetMetadata(handle, key, value)));

    /// <summary>Takes the image's lock and keeps it until disposed, like qemu on request.</summary>
    public IDisposable Lock(string image)
    {
        var held = new OpenAdminImage(_pool, image);
        Check("rbd_lock_acquire", RbdAdminCalls.AcquireLock(held.Handle, exclusive: 0));
        return held;
    }

    /// <summary>Whether a client has the image's lock.</summary>
    public unsafe bool IsLocked(string image)
    {
        bool isLocked = false;
        With(image, handle =>
        {
            byte* owner = null;
            nuint count = 1;
            isLocked = RbdAdminCalls.GetLockOwners(handle, out _, &owner, ref count) >= 0 && count > 0;
            if (isLocked)
            {
                RbdAdminCalls.FreeLockOwners(&owner, count);
            }
        });
        return isLocked;
    }

    public void Dispose() => _pool.Dispose();

    /// <summary>A command to the monitors.</summary>
    public static unsafe void Command(ClusterHandle cluster, string json)
    {
        byte[] text = [.. Encoding.UTF8.GetBytes(json), 0];
        fixed (byte* first = text)
        {
            byte*[] commands = [first];
            fixed (byte** list = commands)
            {
                Check(json, RbdAdminCalls.MonitorCommand(cluster, list, 1, null, 0, null, null, null, null));
            }
        }
    }

    private void With(string image, Action<nint> use)
    {
        using var open = new OpenAdminImage(_pool, image);
        use(open.Handle);
    }

    private static void Check(string call, int result) => RbdException.ThrowIfError(call, result);
}
