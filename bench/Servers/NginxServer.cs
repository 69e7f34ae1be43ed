using System.Net;
using System.Net.Sockets;

namespace ImageIO.Bench.Servers;

/// <summary>nginx over a directory: GET of files, PUT of files by DAV, and a proxy in front of a daemon.</summary>
internal sealed class NginxServer : IAsyncDisposable
{
    private readonly string _directory;

    private NginxServer(string directory, PinnedServer process, string url)
    {
        _directory = directory;
        Process = process;
        Url = url;
    }

    /// <summary>Its only process, so its times are complete.</summary>
    public PinnedServer Process { get; }

    public string Url { get; }

    /// <summary>Starts nginx for the images, and below <c>/images/</c> as a proxy if there is an upstream.</summary>
    public static Task<NginxServer> StartAsync(Place place, string cores, string? upstream = null) =>
        StartAsync(place, cores, Host.Loopback, upstream);

    /// <summary>Starts nginx for the images at another host.</summary>
    public static Task<NginxServer> StartAsync(Place place, Host host) =>
        StartAsync(place, place.ServerCore, host, upstream: null);

    private static async Task<NginxServer> StartAsync(Place place, string cores, Host host, string? upstream)
    {
        // Beside the images, because it renames received files into place.
        string directory = Directory.CreateDirectory(Path.Combine(place.Memory, $"nginx-{Guid.NewGuid():N}")).FullName;
        int port = FreePort();
        string proxy = upstream is null
            ? ""
            : $$"""
               location /images/ {
                   proxy_pass {{upstream}};
                   proxy_http_version 1.1;
                   proxy_set_header Connection "";
                   proxy_buffering off;
                   proxy_request_buffering off;
               }
               """;
        string file = Path.Combine(directory, "nginx.conf");
        await File.WriteAllTextAsync(
            file,
            $$"""
            daemon off;
            master_process off;
            pid {{directory}}/pid;
            error_log {{directory}}/error.log;
            events { worker_connections 2048; }
            http {
                access_log off;
                sendfile on;
                client_max_body_size 0;
                client_body_buffer_size 1m;
                client_body_temp_path {{directory}};
                server {
                    listen {{host.Address}}:{{port}} ssl;
                    ssl_certificate {{place.CertificateFile}};
                    ssl_certificate_key {{place.KeyFile}};
                    ssl_protocols TLSv1.3;
                    root {{place.Memory}};
                    dav_methods PUT;
                    {{proxy}}
                }
            }

            """);
        PinnedServer process = await PinnedServer.StartAsync(
            cores,
            () => host.IsReachable ? Accepts(port) : File.Exists(Path.Combine(directory, "pid")),
            [.. host.Enter, Tool.Path("nginx") ?? throw new BenchException("nginx is not installed"), "-c", file]);
        return new NginxServer(directory, process, $"https://{host.Address}:{port}");
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    internal static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    internal static bool Accepts(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
