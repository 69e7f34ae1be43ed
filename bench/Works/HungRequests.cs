using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Uploads to a frozen storage, each with a write that hangs.</summary>
internal sealed class HungRequests : IAsyncDisposable
{
    private const int Size = 4096;

    private readonly FrozenStorage _storage;
    private readonly List<RequestClient> _clients = [];

    private HungRequests(FrozenStorage storage) => _storage = storage;

    /// <summary>Opens the images, freezes the storage, and starts the uploads.</summary>
    public static async Task<HungRequests> StartAsync(DaemonServer daemon, FrozenStorage storage, int count)
    {
        var requests = new HungRequests(storage);
        try
        {
            await requests.ConnectAsync(daemon, count);
            return requests;
        }
        catch
        {
            await requests.DisposeAsync();
            throw;
        }
    }

    /// <summary>Checks that all of them still wait.</summary>
    /// <exception cref="BenchException">The server has answered one, or closed its connection.</exception>
    public void ThrowIfOneEnded()
    {
        if (_clients.Any(client => client.HasAnswer))
        {
            throw new BenchException("a call did not hang");
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _storage.ThawAsync();
        _clients.ForEach(client => client.Dispose());
    }

    private async Task ConnectAsync(DaemonServer daemon, int count)
    {
        var server = new Uri(daemon.Url);
        byte[] body = new byte[Size];
        var heads = new List<byte[]>();
        foreach (string image in _storage.Images)
        {
            string id = await daemon.TicketAsync(image, FrozenStorage.ImageSize);
            heads.AddRange(Enumerable.Range(0, (count / _storage.Images.Count) + 1).Select(i => RequestClient.Head(
                $"PUT /images/{id}?flush=n",
                $"Content-Length: {Size}",
                $"Content-Range: bytes {i * Size}-{((i + 1) * Size) - 1}/*")));
        }

        byte[][] chosen = [.. heads.Take(count)];
        for (int i = 0; i < chosen.Length; i++)
        {
            RequestClient client = await RequestClient.ConnectAsync(server);
            _clients.Add(client);
            // Once before the freeze, so that the image is open.
            client.Exchange([.. chosen[i], .. body]);
        }

        await _storage.FreezeAsync();
        for (int i = 0; i < chosen.Length; i++)
        {
            _clients[i].Send([.. chosen[i], .. body]);
        }

        // Until all of them have arrived.
        await Task.Delay(TimeSpan.FromSeconds(1));
    }
}
