using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Xml.Linq;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Client;

/// <summary>
/// An Engine as clients see it: login, disks, transfers with phases as a test wants them, tickets in a real daemon.
/// </summary>
internal sealed class EmulatedEngine : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly RunningDaemon _daemon;
    private readonly Task _serving;
    private readonly Lock _lock = new();
    private int _diskPolls;
    private int _tokens;
    private string _ticketId = "";

    public EmulatedEngine(RunningDaemon daemon)
    {
        _daemon = daemon;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}";
        }

        _listener.Prefixes.Add($"{Url}/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Url { get; }

    public string Password { get; init; } = "secret password";

    /// <summary>The image file behind the disk.</summary>
    public required string ImageFile { get; init; }

    /// <summary>Status of the disk, one for each question; the last stays.</summary>
    public IReadOnlyList<string?> DiskStates { get; init; } = ["ok"];

    /// <summary>Phases after the creation, one for each question; the last stays. Null: 404.</summary>
    public IReadOnlyList<string?> StartPhases { get; init; } = ["initializing", "transferring"];

    /// <summary>Phases after finalize.</summary>
    public IReadOnlyList<string?> EndPhases { get; init; } = ["finalizing_success", "finished_success"];

    /// <summary>Answers a request in Engine's place. Null: Engine answers.</summary>
    public Func<string, (int Status, string Body)?>? Override { get; init; }

    /// <summary>Called when a transfer has got its ticket.</summary>
    public Action<string>? Started { get; init; }

    /// <summary>Method and path of each request below the API, and what was sent.</summary>
    public List<(string Request, XElement? Body)> Requests { get; } = [];

    public bool IsLoggedOut { get; private set; }

    private Queue<string?> Phases { get; set; } = new();

    public string Log => string.Join('\n', Requests.Select(request => request.Request));

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Close();
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context = await _listener.GetContextAsync();
            using var reader = new StreamReader(context.Request.InputStream);
            string body = await reader.ReadToEndAsync();
            (int status, string answer) = await AnswerAsync(context.Request, body);
            context.Response.StatusCode = status;
            byte[] bytes = Encoding.UTF8.GetBytes(answer);
            context.Response.ContentLength64 = bytes.Length;
            await context.Response.OutputStream.WriteAsync(bytes);
            context.Response.Close();
        }
    }

    private async Task<(int Status, string Body)> AnswerAsync(HttpListenerRequest request, string body)
    {
        string path = request.RawUrl!;
        if (path == "/ovirt-engine/sso/oauth/token")
        {
            return body.Contains($"password={WebUtility.UrlEncode(Password)}", StringComparison.Ordinal)
                && body.StartsWith("grant_type=password&scope=ovirt-app-api&username=", StringComparison.Ordinal)
                ? (200, $$"""{"access_token": "token-{{++_tokens}}", "scope": "ovirt-app-api"}""")
                : (400, """{"error_code": "access_denied", "error": "Cannot authenticate user: wrong password"}""");
        }

        if (path == "/ovirt-engine/services/sso-logout")
        {
            IsLoggedOut = body == $"scope=ovirt-app-api&token=token-{_tokens}";
            return (200, "{}");
        }

        Assert.StartsWith("/ovirt-engine/api/", path, StringComparison.Ordinal);
        Assert.Equal("4", request.Headers["Version"]);
        string line = $"{request.HttpMethod} {path["/ovirt-engine/api".Length..]}";
        XElement? xml = body.Length == 0 ? null : XElement.Parse(body);
        lock (_lock)
        {
            Requests.Add((line, xml));
        }

        if (Override?.Invoke(line) is { } answer)
        {
            return answer;
        }

        return request.Headers["Authorization"] != $"Bearer token-{_tokens}" ? (401, "") : await AnswerAsync(line, xml);
    }

    private async Task<(int Status, string Body)> AnswerAsync(string line, XElement? body)
    {
        switch (line)
        {
            case "POST /disks":
                return (202, """<disk id="disk-1"><status>locked</status></disk>""");
            case "GET /disks/disk-1":
                string? state = DiskStates[Math.Min(_diskPolls++, DiskStates.Count - 1)];
                return state is null
                    ? (404, "<fault/>")
                    : (200, $"""<disk id="disk-1"><status>{state}</status><storage_domains><storage_domain """
                        + $"""id="domain-1"/></storage_domains></disk>""");
            case "DELETE /disks/disk-1":
                return (200, "<action/>");
            case "GET /storagedomains/domain-1":
                return (200, """<storage_domain id="domain-1"><name>fast storage</name></storage_domain>""");
            case "GET /datacenters?case_sensitive=true&search=storage.name%3Dfast%20storage":
                return (200, """<data_centers><data_center><name>east</name></data_center></data_centers>""");
            case "GET /hosts?case_sensitive=true&search=hw_id%3DHW-1+and+datacenter%3Deast+and+status%3DUp":
                return (200, """<hosts><host id="host-7"/></hosts>""");
            case "POST /imagetransfers":
                await InstallTicketAsync(body!);
                Phases = new Queue<string?>(StartPhases);
                return (201, """<image_transfer id="transfer-1"><phase>initializing</phase></image_transfer>""");
            case "GET /imagetransfers/transfer-1":
                return Transfer();
            case "POST /imagetransfers/transfer-1/finalize":
                Phases = new Queue<string?>(EndPhases);
                return (200, "<action><status>complete</status></action>");
            case "POST /imagetransfers/transfer-1/cancel":
                Phases = new Queue<string?>(["cancelled_user", "finished_cleanup"]);
                return (200, "<action><status>complete</status></action>");
            case "POST /imagetransfers/transfer-1/pause":
                Phases = new Queue<string?>(["paused_user"]);
                return (200, "<action><status>complete</status></action>");
            case "POST /imagetransfers/transfer-1/resume":
                Phases = new Queue<string?>(["resuming", "transferring"]);
                return (200, "<action><status>complete</status></action>");
            default:
                return (404, "<fault><reason>Operation Failed</reason><detail>[No such thing]</detail></fault>");
        }
    }

    private (int Status, string Body) Transfer()
    {
        string? phase = Phases.Count > 1 ? Phases.Dequeue() : Phases.Peek();
        string urls = phase == "transferring"
            ? $"<transfer_url>{_daemon.Process.RemoteUrl}/images/{_ticketId}</transfer_url>"
                + $"<proxy_url>{_daemon.Process.RemoteUrl}/images/{_ticketId}</proxy_url>"
            : "";
        return phase is null ? (404, "<fault/>") : (200, $"""<image_transfer """
            + $"""id="transfer-1"><phase>{phase}</phase>{urls}</image_transfer>""");
    }

    private async Task InstallTicketAsync(XElement transfer)
    {
        _ticketId = Guid.NewGuid().ToString();
        bool isUpload = transfer.Element("direction")!.Value == "upload";
        await _daemon.InstallAsync(
            TicketBody.For(_ticketId, ImageFile, new FileInfo(ImageFile).Length, isUpload ? "write" : "read"));
        Started?.Invoke(_ticketId);
    }
}
