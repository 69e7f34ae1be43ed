using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Clients that read nothing of their downloads, stop in their uploads, or send a byte a second.</summary>
internal sealed class StalledClients : IAsyncDisposable
{
    private const long UploadSize = 64L << 20;

    private readonly List<RequestClient> _downloads = [];
    private readonly List<RequestClient> _uploads = [];
    private readonly List<RequestClient> _drips = [];
    private readonly CancellationTokenSource _end = new();
    private Task _dripping = Task.CompletedTask;

    private StalledClients()
    {
    }

    /// <summary>Connects them, and waits until each has stalled.</summary>
    /// <param name="place">The image for the downloads, and the place for the uploads' image.</param>
    /// <param name="daemon">The server.</param>
    /// <param name="count">Number of clients of each kind.</param>
    public static async Task<StalledClients> StartAsync(Place place, DaemonServer daemon, int count)
    {
        var clients = new StalledClients();
        try
        {
            await clients.ConnectAsync(place, daemon, count);
            return clients;
        }
        catch
        {
            await clients.DisposeAsync();
            throw;
        }
    }

    /// <summary>Checks that all of them are still connected.</summary>
    /// <exception cref="BenchException">The server has answered one, or closed its connection.</exception>
    public void ThrowIfOneEnded()
    {
        if (_dripping.IsFaulted || _uploads.Concat(_drips).Any(client => client.HasAnswer))
        {
            throw new BenchException("a stalled client was answered or disconnected");
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _dripping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (RequestClient client in _downloads.Concat(_uploads).Concat(_drips))
        {
            client.Dispose();
        }

        _end.Dispose();
    }

    private async Task ConnectAsync(Place place, DaemonServer daemon, int count)
    {
        var server = new Uri(daemon.Url);
        string download = await daemon.TicketAsync(place.Image, Place.ImageSize);
        string image = Path.Combine(place.Memory, "stalled");
        await using (FileStream file = File.Create(image))
        {
            file.SetLength(2 * count * UploadSize);
        }

        string upload = await daemon.TicketAsync(image, 2 * count * UploadSize);
        byte[] some = new byte[(1 << 20) + 1];
        for (int i = 0; i < 2 * count; i++)
        {
            RequestClient client = await RequestClient.ConnectAsync(server);
            (i % 2 == 0 ? _uploads : _drips).Add(client);
            client.Send(RequestClient.Head(
                $"PUT /images/{upload}?flush=n",
                $"Content-Length: {UploadSize}",
                $"Content-Range: bytes {i * UploadSize}-{((i + 1) * UploadSize) - 1}/*"));
            client.Send(i % 2 == 0 ? some : some.AsSpan(0, 1));
        }

        for (int i = 0; i < count; i++)
        {
            RequestClient client = await RequestClient.ConnectAsync(server);
            _downloads.Add(client);
            client.Send(RequestClient.Head($"GET /images/{download}"));
        }

        _dripping = DripAsync();
    }

    private async Task DripAsync()
    {
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (await second.WaitForNextTickAsync(_end.Token))
        {
            _drips.ForEach(client => client.Send([0]));
        }
    }
}
