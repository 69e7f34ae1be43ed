using System.Globalization;
using System.Text;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Rbd.Clusters;

/// <summary>Connects to a cluster. Blocks.</summary>
internal sealed class Connector(RbdSettings settings)
{
    private const int FsidLength = 37;

    /// <summary>Connects.</summary>
    /// <exception cref="TransferException">Why there is no connection.</exception>
    public (ClusterHandle Cluster, string Fsid) Connect(ClusterKey key)
    {
        ClusterHandle? cluster = null;
        try
        {
            cluster = ClusterHandle.Create(key.Id);
            RbdException.ThrowIfError("rados_conf_read_file", LibRados.ReadConfFile(cluster, key.Conf));
            Configure(cluster);
            RbdException.ThrowIfError("rados_connect", LibRados.Connect(cluster));
            return (cluster, Fsid(cluster));
        }
        catch (RbdException e)
        {
            cluster?.Dispose();
            throw new TransferException(
                TransferError.ImageUnavailable, $"Connecting to {key} failed: {Reason(e, key)}", e);
        }
    }

    // Set after reading the file, because this wins against the file and the monitors' database.
    private void Configure(ClusterHandle cluster)
    {
        string seconds = Whole(settings.OperationTimeout);
        Set("rados_osd_op_timeout", seconds);
        Set("rados_mon_op_timeout", seconds);
        Set("client_mount_timeout", Whole(settings.ConnectTimeout));

        // Monitors that were away are tried again every three seconds. By default the time between tries grows to 30 s.
        Set("mon_client_hunt_interval_backoff", "1");

        // A write is durable when it succeeds, and other hosts read what was written.
        Set("rbd_cache", "false");
        Set("rbd_plugins", "");
        Set("rbd_persistent_cache_mode", "disabled");

        // With them, a write that times out never completes.
        Set("rbd_disable_zero_copy_writes", "true");
        Set("rbd_concurrent_management_ops", "32");

        // The daemon's directories are no place for Ceph's files.
        Set("admin_socket", "");
        Set("log_file", "");
        if (settings.Keyring.Length > 0)
        {
            Set("keyring", settings.Keyring);
        }

        void Set(string option, string value) => RbdException.ThrowIfError(
            $"rados_conf_set of {option}", LibRados.SetConf(cluster, option, value));
    }

    private static string Whole(TimeSpan time) =>
        ((long)Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);

    private static unsafe string Fsid(ClusterHandle cluster)
    {
        byte* text = stackalloc byte[FsidLength];
        int length = LibRados.GetFsid(cluster, text, FsidLength);
        RbdException.ThrowIfError("rados_cluster_fsid", length);
        return Encoding.ASCII.GetString(text, length);
    }

    private static string Reason(RbdException e, ClusterKey key) => (e.Call, -e.Result) switch
    {
        ("rados_conf_read_file", Errno.ENOENT) => $"{key.Conf} does not exist",
        ("rados_conf_read_file", Errno.EACCES) => $"{key.Conf} is not readable for the daemon's user",
        ("rados_conf_read_file", _) => $"{key.Conf} cannot be parsed ({Errno.Name(e.Result)})",
        ("rados_connect", Errno.ENOENT) =>
            $"no keyring has a key of client.{key.Id} (keyring of [backend_rbd], or of {key.Conf})",
        // Where a cluster may do without keys, which is the default of a ceph.conf, also for one that was not found.
        ("rados_connect", Errno.EACCES or Errno.EPERM) =>
            $"the cluster does not know the user client.{key.Id}, its key is wrong, or no keyring that the daemon's "
                + $"user can read has its key (keyring of [backend_rbd], or of {key.Conf})",
        ("rados_connect", Errno.EIO) => $"the keyring of client.{key.Id} cannot be parsed",
        ("rados_connect", Errno.EINVAL) =>
            $"the addresses of the monitors in {key.Conf} are wrong, or the keyring cannot be parsed",
        ("rados_connect", Errno.ETIMEDOUT) => "no monitor answered in time",
        _ => e.Message,
    };
}
