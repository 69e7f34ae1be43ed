using System.CommandLine;
using System.Net;
using System.Runtime.Versioning;
using ImageIO.Configuration;
using ImageIO.Control;
using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Control;

/// <summary>The daemon on this host, found by its configuration.</summary>
[SupportedOSPlatform("linux")]
internal sealed class HostDaemon
{
    private const int DefaultPort = 54322;

    private readonly ControlClient _control;
    private readonly string _host;
    private readonly int _port;
    private readonly bool _hasPage;

    private HostDaemon(ControlClient control, string host, int port, bool hasPage)
    {
        _control = control;
        _host = host;
        _port = port;
        _hasPage = hasPage;
    }

    /// <summary>The option that names the configuration.</summary>
    public static Option<string> DirectoryOption => new("--conf-dir", "-c")
    {
        Description = "The daemon's configuration",
        HelpName = "DIR",
        DefaultValueFactory = _ => DropIns.DefaultDirectory,
    };

    /// <summary>Finds the daemon.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: the configuration is
    /// wrong.</exception>
    public static HostDaemon Find(string directory)
    {
        try
        {
            var reader = new ConfigurationReader(DropIns.Read(directory));
            string host = reader.Text("remote", "host", "::");
            return new HostDaemon(
                new ControlClient(ControlAddress.Read(reader)),
                host is "::" or "0.0.0.0" or "" ? Dns.GetHostName() : host,
                reader.Integer("remote", "port", DefaultPort, 0, 65534),
                reader.Boolean("page", "enable", true));
        }
        catch (ConfigurationException e)
        {
            throw new TransferException(TransferError.InvalidRequest, e.Message, e);
        }
    }

    /// <summary>The URL of an image for a client.</summary>
    /// <param name="id">The ticket's id.</param>
    /// <param name="host">A name of this host that the client knows. Null: its own.</param>
    public string UrlOf(string id, string? host) => $"https://{host ?? _host}:{_port}/images/{id}";

    /// <summary>The URL of an image for a browser. Null: this daemon has no page.</summary>
    /// <param name="id">The ticket's id, after a <c>#</c>, which browsers never send.</param>
    /// <param name="host">A name of this host that the user knows. Null: its own.</param>
    public string? PageOf(string id, string? host) => _hasPage ? $"https://{host ?? _host}:{_port}/#{id}" : null;

    public void Add(string id, ReadOnlySpan<byte> ticket) => Ask(
        ticket.ToArray(), body => _control.AddTicket(id, body));

    public TicketView Show(string id) => TicketView.Parse(Ask(() => _control.ShowTicket(id)));

    public byte[] ShowJson(string id) => Ask(() => _control.ShowTicket(id));

    public IReadOnlyList<TicketView> List() => TicketView.ParseList(Ask(_control.ListTickets));

    public byte[] ListJson() => Ask(_control.ListTickets);

    public void Extend(string id, long seconds) => Ask(() => _control.ExtendTicket(id, seconds));

    public void Remove(string id) => Ask(() => _control.RemoveTicket(id));

    private static void Ask(byte[] body, Action<byte[]> call) => Ask(() => call(body));

    private static void Ask(Action call) => Ask(() =>
    {
        call();
        return 0;
    });

    private static T Ask<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (ControlException e)
        {
            throw new TransferException(TransferError.UpstreamFailed, e.Message, e);
        }
    }
}
