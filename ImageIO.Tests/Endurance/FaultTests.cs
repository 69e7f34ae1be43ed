using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using Mono.Unix.Native;
using Xunit.Abstractions;

namespace ImageIO.Tests.Endurance;

/// <summary>
/// Each system call between the daemon and its storage, and between the daemon and its clients, fails once with each
/// error of its man page, comes short once and hangs once (issue 21, 8).
/// </summary>
public sealed class FaultTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Timeout = int.MaxValue; // Rounds limits each round.
    private const int Size = 100_000; // not whole blocks

    // The errors of the man pages, without those that only a program's own mistakes cause (EFAULT).
    private static readonly Dictionary<string, Errno[]> OfFiles = new()
    {
        ["open"] =
        [
            Errno.EACCES, Errno.EBUSY, Errno.EDQUOT, Errno.EINTR, Errno.EINVAL, Errno.EISDIR, Errno.ELOOP, Errno.EMFILE,
            Errno.ENAMETOOLONG, Errno.ENFILE, Errno.ENODEV, Errno.ENOENT, Errno.ENOMEM, Errno.ENOSPC, Errno.ENOTDIR,
            Errno.ENXIO, Errno.EOPNOTSUPP, Errno.EOVERFLOW, Errno.EPERM, Errno.EROFS, Errno.ETXTBSY, Errno.EAGAIN,
        ],
        ["statx"] =
        [
            Errno.EACCES, Errno.EBADF, Errno.EINVAL, Errno.EIO, Errno.ELOOP, Errno.ENAMETOOLONG, Errno.ENOENT,
            Errno.ENOMEM, Errno.ENOTDIR,
        ],
        ["pread"] =
        [
            Errno.EAGAIN, Errno.EBADF, Errno.EINTR, Errno.EINVAL, Errno.EIO, Errno.EISDIR, Errno.ENXIO, Errno.EOVERFLOW,
            Errno.ESPIPE,
        ],
        ["pwrite"] =
        [
            Errno.EAGAIN, Errno.EBADF, Errno.EDQUOT, Errno.EFBIG, Errno.EINTR, Errno.EINVAL, Errno.EIO, Errno.ENOSPC,
            Errno.ENXIO, Errno.EOVERFLOW, Errno.EPERM, Errno.ESPIPE,
        ],
        ["fsync"] =
        [
            Errno.EBADF, Errno.EDQUOT, Errno.EINTR, Errno.EINVAL, Errno.EIO, Errno.ENOSPC, Errno.EROFS,
        ],
        ["fallocate"] =
        [
            Errno.EBADF, Errno.EFBIG, Errno.EINTR, Errno.EINVAL, Errno.EIO, Errno.ENODEV, Errno.ENOSPC, Errno.ENOSYS,
            Errno.EOPNOTSUPP, Errno.EPERM, Errno.ESPIPE, Errno.ETXTBSY,
        ],
        ["lseek"] = [Errno.EBADF, Errno.EINVAL, Errno.ENXIO, Errno.EOVERFLOW, Errno.ESPIPE],
        ["ioctl"] = [Errno.EBADF, Errno.EINVAL, Errno.ENOTTY, Errno.EOPNOTSUPP, Errno.EIO, Errno.EINTR],
        ["close"] = [Errno.EBADF, Errno.EDQUOT, Errno.EINTR, Errno.EIO, Errno.ENOSPC],
    };

    private static readonly Dictionary<string, Errno[]> OfSockets = new()
    {
        ["recv"] =
        [
            Errno.EAGAIN, Errno.ECONNREFUSED, Errno.ECONNRESET, Errno.EINTR, Errno.ENOMEM, Errno.ENOTCONN,
            Errno.ETIMEDOUT,
        ],
        ["send"] =
        [
            Errno.EAGAIN, Errno.ECONNRESET, Errno.EINTR, Errno.ENOBUFS, Errno.ENOMEM, Errno.ENOTCONN, Errno.EPIPE,
        ],
        ["epoll_ctl"] = [Errno.ENOMEM, Errno.ENOSPC],

        // No EAGAIN: the kernel tells it only when no client waits. .NET rightly waits for the next client then.
        ["accept4"] =
        [
            Errno.ECONNABORTED, Errno.EINTR, Errno.EMFILE, Errno.ENFILE, Errno.ENOBUFS, Errno.ENOMEM,
            Errno.EPERM, Errno.EPROTO,
        ],
    };

    private readonly DaemonFiles _files = new();
    private readonly byte[] _otherContent = Bytes.Random(Size);
    private FaultPlan? _plan;
    private DaemonProcess? _daemon;
    private TestImage _other = null!;
    private int _struck;
    private int _images;

    private FaultPlan Plan => _plan!;

    private DaemonProcess Daemon => _daemon!;

    private string ImageDirectory => Path.Combine(_files.Path, "faulty");

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(ImageDirectory);
        try
        {
            _plan = await FaultPlan.CreateAsync(_files.Path, ImageDirectory);
        }
        catch (SkipException)
        {
            // Each test skips by itself.
            return;
        }

        _daemon = await DaemonProcess.StartAsync(_files, Plan.Environment);
        _other = await Daemon.AddImageAsync(_otherContent, "read");
    }

    public async Task DisposeAsync()
    {
        _plan?.Dispose();
        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }

        _files.Dispose();
    }

    [SkippableFact(Timeout = Timeout)]
    public Task A_storage_call_that_fails_once_costs_its_request_and_nothing_else() => RunAsync(
        OfFiles, (call, error, nth) => Plan.Fail(call, nth, error));

    [SkippableFact(Timeout = Timeout)]
    public Task A_storage_call_that_comes_short_is_finished() => RunAsync(
        new Dictionary<string, Errno[]> { ["pread"] = [0], ["pwrite"] = [0] },
        (call, _, nth) => Plan.Halve(call, nth),
        mayFail: false);

    [SkippableFact(Timeout = Timeout)]
    public Task A_storage_call_that_hangs_holds_up_its_request_and_nothing_else() => RunAsync(
        new Dictionary<string, Errno[]>
        {
            ["open"] = [0],
            ["statx"] = [0],
            ["pread"] = [0],
            ["pwrite"] = [0],
            ["fsync"] = [0],
            ["fallocate"] = [0],
            ["lseek"] = [0],
            ["close"] = [0],
        },
        (call, _, nth) => Plan.Hang(call, nth),
        mayFail: false,
        hangs: true);

    [SkippableFact(Timeout = Timeout)]
    public Task A_socket_call_that_fails_once_costs_its_connection_and_nothing_else() => RunAsync(
        OfSockets, (call, error, nth) => Plan.Fail(call, nth, error));

    [SkippableFact(Timeout = Timeout)]
    public Task A_socket_call_that_comes_short_costs_nothing() => RunAsync(
        new Dictionary<string, Errno[]> { ["recv"] = [0], ["send"] = [0] },
        (call, _, nth) => Plan.Halve(call, nth),
        mayFail: false);

    private async Task RunAsync(
        Dictionary<string, Errno[]> faults, Action<string, Errno, int> arm, bool mayFail = true, bool hangs = false)
    {
        Skip.If(_plan is null, "needs cc, which is not installed");
        foreach ((string call, Errno[] errors) in faults)
        {
            int before = _struck;
            int which = 0;
            foreach (Errno error in errors)
            {
                // The first, second or third call, in turn; an image is opened once. make endure takes each of the
                // first ten for each error.
                for (int nth = Rounds.AreMany || call == "open" ? 1 : (which++ % 3) + 1; ; nth++)
                {
                    await RunAsync($"call {nth} of {call}, {error}", () => arm(call, error, nth), mayFail, hangs);
                    if (!Rounds.AreMany || nth == 10)
                    {
                        break;
                    }
                }
            }

            output.WriteLine($"{_struck - before} calls of {call} were changed");

            // How extents are found and how a connection is accepted depends on the kernel.
            bool mayBeOther = call is "ioctl" or "accept4" or "close" or "lseek";
            Assert.True(_struck > before || mayBeOther, $"No call of {call} was changed");
        }
    }

    // All requests of a transfer. One of them meets the fault.
    private async Task RunAsync(string what, Action arm, bool mayFail, bool hangs)
    {
        string id = Guid.NewGuid().ToString();
        string path = Path.Combine(ImageDirectory, $"image-{_images++}");
        await File.WriteAllBytesAsync(path, new byte[Size]);
        await Daemon.InstallAsync(TicketBody.For(id, path, Size, "read", "write"));
        var bytes = new DurableBytes(Size);
        arm();
        try
        {
            Task transfer = TransferAsync(id, bytes, path, what, mayFail);
            if (hangs)
            {
                await HangAsync(transfer, what);
            }

            await transfer;
            await AssertOthersAreServedAsync(what);
            await EndAsync(id, path, what);
        }
        finally
        {
            _struck += Plan.StruckCalls;
            Plan.Clear();
        }

        bytes.Check(await File.ReadAllBytesAsync(path), what);
        File.Delete(path);
    }

    private async Task HangAsync(Task transfer, string what)
    {
        await Eventually.HoldsAsync(() => Plan.StruckCalls > 0 || transfer.IsCompleted, $"{what} hangs");
        await AssertOthersAreServedAsync(what);
        if (Rounds.AreMany && Plan.StruckCalls > 0)
        {
            await Task.Delay(TimeSpan.FromSeconds(30), TimeProvider.System);
            await AssertOthersAreServedAsync(what);
        }

        Plan.Clear();
    }

    private async Task TransferAsync(string id, DurableBytes bytes, string path, string what, bool mayFail)
    {
        using HttpClient http = DaemonClients.OverUnixSocket(_files.LocalSocket);
        var client = new RandomClient(http, $"/images/{id}", bytes, (0, Size), new Random(1));
        for (int i = 0; i < 15; i++)
        {
            // At random, zeroes may come too rarely for the third call.
            HttpStatusCode? status = i % 5 == 4 ? await client.ZeroAllAsync() : await client.StepAsync();
            Assert.True(mayFail || status == HttpStatusCode.OK, $"{what}: a request ended with {status}");
        }

        await ReadAsync(http, id, bytes, what, mayFail);

        // Once all bytes are written again, a flush can promise them.
        HttpStatusCode? last = await client.WriteAllAsync();
        last = last == HttpStatusCode.OK ? last : await client.WriteAllAsync();
        Assert.True(last == HttpStatusCode.OK, $"{what}: the image cannot be written any more: {last}");
        bytes.Check(await File.ReadAllBytesAsync(path), $"{what}, after the last flush");
        await ReadAsync(http, id, bytes, what, mayFail);
    }

    private static async Task ReadAsync(HttpClient http, string id, DurableBytes bytes, string what, bool mayFail)
    {
        byte[] content = [];
        try
        {
            content = await http.GetByteArrayAsync($"/images/{id}");
            bytes.Check(content, $"{what}, as it was read");
            string extents = await http.GetStringAsync($"/images/{id}/extents");
            foreach (JsonNode? extent in JsonNode.Parse(extents)!.AsArray())
            {
                (int start, int length) = ((int)extent!["start"]!, (int)extent["length"]!);
                Assert.True(
                    !(bool)extent["zero"]! || !content.AsSpan(start, length).ContainsAnyExcept((byte)0),
                    $"{what}: {extent} is not zero");
            }
        }
        catch (HttpRequestException) when (mayFail)
        {
        }
    }

    private async Task AssertOthersAreServedAsync(string what)
    {
        // A fault of a socket may strike this connection.
        using HttpClient http = DaemonClients.OverUnixSocket(_files.LocalSocket);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                byte[] content = await http.GetByteArrayAsync(_other.Url);
                Bytes.AssertEqual(_otherContent, content, $"{what}: another image");
                return;
            }
            catch (HttpRequestException) when (attempt == 1)
            {
            }
        }
    }

    // The ticket is removed, and with it all descriptors of the image.
    private async Task EndAsync(string id, string path, string what)
    {
        using HttpClient control = DaemonClients.OverUnixSocket(_files.ControlSocket);
        await Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    using HttpResponseMessage response = await control.DeleteAsync($"/tickets/{id}");
                    return response.StatusCode == HttpStatusCode.NoContent;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            $"{what}: the ticket is removed");
        await Eventually.HoldsAsync(
            () => OpenFiles.Count(path, Daemon.Id) == 0, $"{what}: no descriptor of the image is left");
    }
}
