using ImageIO.Http.Hosting;
using ImageIO.Http.Listeners;
using ImageIO.Transport.Sockets;
using Microsoft.Win32.SafeHandles;

namespace ImageIO.Web.Options;

/// <summary>The daemon's services and their listeners.</summary>
internal static class Services
{
    /// <summary>For clients on the network.</summary>
    public const string Remote = "remote";

    /// <summary>For clients on this host.</summary>
    public const string Local = "local";

    /// <summary>For the manager.</summary>
    public const string Control = "control";

    /// <summary>For metrics and health over TCP; off by default.</summary>
    public const string Monitor = "monitor";

    /// <summary>The services that serve images.</summary>
    public static readonly string[] ForClients = [Remote, Local];

    /// <summary>All users: a client without a ticket gets nothing. An abstract socket has no permissions
    /// either.</summary>
    private const UnixFileMode LocalMode = ControlMode | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>0660: the daemon's user and its group, which the manager belongs to.</summary>
    private const UnixFileMode ControlMode = UnixFileMode.UserRead | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    /// <summary>The listeners that the configuration enables.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="user">Future owner of socket files. Null: this process' user.</param>
    public static IReadOnlyList<ServiceListener> Listeners(DaemonConfiguration configuration, ServiceUser? user)
    {
        Action<SafeFileHandle, string>? own = user is null ? null : user.OwnSocket;
        // Control first: a manager that finds the remote port open installs tickets next.
        var listeners = new List<ServiceListener>();
        if (configuration.Control.Enable)
        {
            UnixSocket? socket = configuration.Control.Address is null
                ? new UnixSocket(configuration.Control.Socket, ControlMode, own)
                : null;
            listeners.Add(new()
            {
                Service = Control,
                IsForHost = true,
                Address = configuration.Control.Address,
                Socket = socket,
            });
        }

        if (configuration.Local.Enable)
        {
            listeners.Add(
                new() { Service = Local, Socket = new UnixSocket(configuration.Local.Socket, LocalMode, own) });
        }

        if (configuration.Monitor.IsEnabled)
        {
            listeners.Add(configuration.Monitor.Listener(Monitor, own));
        }

        listeners.Add(
            new() { Service = Remote, Address = configuration.Remote.Address, Tls = configuration.Tls.Load() });
        return listeners;
    }
}
