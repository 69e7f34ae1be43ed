using System.Diagnostics;
using System.Net;
using ImageIO.Proxy.SignedTickets;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Storage;
using Mono.Unix.Native;
using Xunit.Abstractions;

namespace ImageIO.Tests.Endurance;

/// <summary>
/// SIGKILL of the daemon, the proxy, a client or qemu-nbd at random moments of uploads, zeroes and flushes on each kind
/// of storage (issue 21, 6).
/// </summary>
public sealed class KillTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Timeout = int.MaxValue; // Rounds limits each round.
    private const int Clients = 3;
    private const int Area = 100_000; // not whole blocks: clients share the blocks at the edges
    private const int Size = 4 * 131072; // the last area is that of the client that is killed

    private readonly DaemonFiles _files = new();
    private readonly ProxyFiles _proxyFiles = new();
    private readonly Dictionary<string, int> _rounds = [];
    private DaemonProcess _daemon = null!;
    private ProxyProcess _proxy = null!;

    public async Task InitializeAsync()
    {
        _proxyFiles.Trust(_files.Certificate);
        _daemon = await DaemonProcess.StartAsync(_files);
        _proxy = await ProxyProcess.StartAsync(_proxyFiles);
    }

    public async Task DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _daemon.DisposeAsync();
        _proxyFiles.Dispose();
        _files.Dispose();
    }

    [SkippableFact(Timeout = Timeout)]
    [Trait("Needs", "Qemu")]
    [Trait("Speed", "Slow")]
    public async Task After_a_kill_the_medium_has_all_that_a_flush_promised_and_nothing_else_is_damaged()
    {
        QemuImg.Require();
        SystemTool.Require("curl");

        // Outside of make endure each storage and each victim once.
        (ImageStorage, Victim)[] few =
        [
            (ImageStorage.NbdQcow2, Victim.Daemon), (ImageStorage.NbdRaw, Victim.NbdServer),
            (ImageStorage.File, Victim.Client), (ImageStorage.Block, Victim.Proxy),
        ];
        (ImageStorage, Victim)[] all =
        [
            .. from victim in Enum.GetValues<Victim>()
               from storage in Enum.GetValues<ImageStorage>()
               where victim != Victim.NbdServer || storage is ImageStorage.NbdRaw or ImageStorage.NbdQcow2
               select (storage, victim),
        ];
        (ImageStorage Storage, Victim)[] kinds = Rounds.AreMany ? all : few;
        kinds = [.. kinds.Where(kind => kind.Storage != ImageStorage.Block || LoopDevice.WhyNot is null)];
        int round = 0;
        await Rounds.RunAsync(kinds.Length, output, random =>
        {
            (ImageStorage storage, Victim victim) = kinds[round++ % kinds.Length];
            return RunAsync(storage, victim, random);
        });
        foreach ((string kind, int count) in _rounds)
        {
            output.WriteLine($"{count} x {kind}");
        }
    }

    private async Task RunAsync(ImageStorage storage, Victim victim, Random random)
    {
        string id = Guid.NewGuid().ToString();
        await using KilledImage image = await KilledImage.CreateAsync(_files, storage, Size);
        var bytes = new DurableBytes(Size);
        await InstallAsync(id, image);
        bool throughProxy = victim == Victim.Proxy || random.Next(3) == 0;
        TimeSpan moment = TimeSpan.FromMilliseconds(random.Next(1, 150));
        string when = $"{storage}, {victim} killed after {moment.TotalMilliseconds} ms";
        var killed = new TaskCompletionSource();
        Task[] working = [.. Enumerable.Range(0, Clients).Select(i => WorkAsync(
            throughProxy, id, bytes, (i * Area, Area), new Random(random.Next()), killed.Task))];
        using Process? client = victim == Victim.Client
            ? StartClient(id, bytes, (byte)random.Next(1, DurableBytes.Values))
            : null;
        await Task.Delay(moment, TimeProvider.System);
        await KillAsync(victim, client, image);
        killed.SetResult();
        await Task.WhenAll(working);

        await StartAgainAsync(victim, id, image, bytes, when);
        await GoOnAsync(throughProxy, id, bytes, random, when);
        await EndAsync(id, image, when);
        await image.KillServerAsync();
        bytes.Check(await image.ReadMediumAsync(), $"{when}, at the end");
        string kind = $"{storage}, {victim}";
        _rounds[kind] = _rounds.GetValueOrDefault(kind) + 1;
    }

    private async Task KillAsync(Victim victim, Process? client, KilledImage image)
    {
        switch (victim)
        {
            case Victim.Daemon:
                _daemon.Signal(Signum.SIGKILL);
                await _daemon.ExitAsync();
                break;
            case Victim.Proxy:
                _proxy.Signal(Signum.SIGKILL);
                await _proxy.ExitAsync();
                break;
            case Victim.Client:
                client!.Kill();
                await client.WaitForExitAsync();
                break;
            case Victim.NbdServer:
                await image.KillServerAsync();
                break;
        }
    }

    // Checks the medium where no process is left that could change it.
    private async Task StartAgainAsync(Victim victim, string id, KilledImage image, DurableBytes bytes, string when)
    {
        switch (victim)
        {
            case Victim.Daemon:
                bytes.DaemonDies();
                await image.KillServerAsync();
                bytes.Check(await image.ReadMediumAsync(), when);
                await image.StartServerAgainAsync();
                await _daemon.DisposeAsync();
                // The next log tells that the next daemon is up.
                File.Delete(_files.LogFile);
                _daemon = await DaemonProcess.StartAsync(_files);
                await InstallAsync(id, image);
                break;
            case Victim.Proxy:
                await _proxy.DisposeAsync();
                File.Delete(_proxyFiles.PathOf("proxy.log"));
                _proxy = await ProxyProcess.StartAsync(_proxyFiles);
                await InstallAtProxyAsync(id);
                break;
            case Victim.NbdServer:
                bytes.Check(await image.ReadMediumAsync(), when);
                await image.StartServerAgainAsync();
                break;
        }

        // A request whose client has gone may still write.
        await Eventually.HoldsAsync(
            async () => !(await _daemon.GetTicketAsync(id))["active"]!.GetValue<bool>(), $"{when}: no request runs");
    }

    // Until the kill, and a few requests beyond it, like a client that does not know of the kill.
    private async Task WorkAsync(
        bool throughProxy,
        string id,
        DurableBytes bytes,
        (int Offset, int Length) area,
        Random random,
        Task stop)
    {
        using HttpClient http = Connect(throughProxy);
        var client = new RandomClient(http, $"/images/{id}", bytes, area, random);
        for (int beyond = 0; beyond < 3; beyond += stop.IsCompleted ? 1 : 0)
        {
            await client.StepAsync();
        }
    }

    // Flushes report a loss until the lost bytes are written again. Then everything works as before.
    private async Task GoOnAsync(bool throughProxy, string id, DurableBytes bytes, Random random, string when)
    {
        using HttpClient http = Connect(throughProxy);
        for (int i = 0; i < Clients; i++)
        {
            var client = new RandomClient(http, $"/images/{id}", bytes, (i * Area, Area), random);
            for (int step = 0; step < 3; step++)
            {
                await client.StepAsync();
            }
        }

        bytes.Check(await http.GetByteArrayAsync($"/images/{id}"), $"{when}, as it was read");
        var all = new RandomClient(http, $"/images/{id}", bytes, (0, Size), random);
        await Eventually.HoldsAsync(
            async () => await all.WriteAllAsync() == HttpStatusCode.OK, $"{when}: the image is written again");
    }

    // The ticket is removed, and with it the descriptors of the image.
    private async Task EndAsync(string id, KilledImage image, string when)
    {
        using HttpResponseMessage removed = await _daemon.Control.DeleteAsync($"/tickets/{id}");
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        await Eventually.HoldsAsync(
            () => OpenFiles.Count(image.Path, _daemon.Id) == 0, $"{when}: no descriptor of the image is left");
        using HttpResponseMessage gone = await _daemon.Control.GetAsync($"/tickets/{id}");
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }

    private HttpClient Connect(bool throughProxy) => throughProxy
        ? DaemonClients.OverTls(_proxy.Port, _proxyFiles.Certificate)
        : DaemonClients.OverUnixSocket(_files.LocalSocket);

    // A client of its own, which writes the area behind those of the others.
    private Process StartClient(string id, DurableBytes bytes, byte value)
    {
        const int Offset = Clients * Area;
        string file = Path.Combine(_files.Path, $"upload-{id}");
        File.WriteAllBytes(file, [.. Enumerable.Repeat(value, Size - Offset)]);
        bytes.ChangeStarts(Offset, Size - Offset, value);
        return Process.Start(
            "curl",
            [
                "--silent", "--limit-rate", "1M", "--unix-socket", _files.LocalSocket, "--upload-file", file,
                "--header", $"Content-Range: bytes {Offset}-{Size - 1}/*", $"http://localhost/images/{id}?flush=y",
            ]);
    }

    private async Task InstallAsync(string id, KilledImage image)
    {
        await _daemon.InstallAsync(TicketBody.For(id, "", Size, "read", "write").With("url", image.Url));
        await InstallAtProxyAsync(id);
    }

    private async Task InstallAtProxyAsync(string id)
    {
        var daemon = new DaemonAddress("127.0.0.1", new Uri(_daemon.RemoteUrl).Port);
        string ticket = _proxyFiles.Signer.Sign(
            daemon, id, "transfer-1", TimeSpan.FromMinutes(10), SignatureForms.Pss);
        using HttpResponseMessage response = await _proxy.Client.PutAsync("/tickets/", new StringContent(ticket));
        response.EnsureSuccessStatusCode();
    }
}
