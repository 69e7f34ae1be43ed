using ImageIO.Http.Hosting;
using ImageIO.Http.Listeners;
using ImageIO.Web.Options;

namespace ImageIO.Web.Hosting;

/// <summary>The daemon's three services and where each listens.</summary>
internal static class Services
{
    /// <summary>For clients on the network.</summary>
    public const string Remote = "remote";

    /// <summary>For clients on this host.</summary>
    public const string Local = "local";

    /// <summary>For the manager.</summary>
    public const string Control = "control";

    /// <summary>For whoever collects metrics and asks for health, off by default.</summary>
    public const string Monitor = "monitor";

    /// <summary>The services that serve images.</summary>
    public static readonly string[] ForClients = [Remote, Local];

    /// <summary>Anybody: without a ticket a client gets nothing, as on an abstract socket, which has no permissions at all.</summary>
    private const UnixFileMode LocalMode = ControlMode | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>0660: the daemon's user and group, which the manager belongs to.</summary>
    private const UnixFileMode ControlMode = UnixFileMode.UserRead | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    /// <summary>The listeners that the configuration switches on.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="user">Whom socket files are given to. Null: they stay this process' user's.</param>
    public static IReadOnlyList<ServiceListener> Listeners(DaemonConfiguration configuration, ServiceUser? user)
    {
        // Control first: a manager that finds the remote port open goes on to install tickets.
        var listeners = new List<ServiceListener>();
        if (configuration.Control.Enable)
        {
            UnixSocket? socket = configuration.Control.Address is null
                ? new UnixSocket(configuration.Control.Socket, ControlMode, user)
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
            listeners.Add(new() { Service = Local, Socket = new UnixSocket(configuration.Local.Socket, LocalMode, user) });
        }

        if (configuration.Monitor.IsEnabled)
        {
            listeners.Add(configuration.Monitor.Listener(Monitor, user));
        }

        listeners.Add(new() { Service = Remote, Address = configuration.Remote.Address, Tls = configuration.Tls.Load() });
        return listeners;
    }
}
