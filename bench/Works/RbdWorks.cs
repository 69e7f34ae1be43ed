using System.Diagnostics;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>
/// Images of a Ceph cluster on this machine: a client, our daemon and the cluster behind each other, beside clients
/// that speak to the cluster themselves. All use all cores. Of peers the time alone is taken.
/// </summary>
internal static class RbdWorks
{
    private const long Size = 1L << 30;
    private const long SparseSize = 1L << 40;
    private const int Rounds = 5;
    private const int Pieces = 32;

    // As our daemon asks: 1 MiB, four at a time.
    private static readonly string[] NbdCopy = ["nbdcopy", "--connections=1", "--requests=4", "--request-size=1048576"];

    private static readonly string[] Convert = ["qemu-img", "convert", "-n", "-m", "8", "-W", "-f", "raw"];

    /// <summary>Whole images, and the extents of a large one with little in it.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        string source = Path.Combine(place.Memory, "rbd-source");
        try
        {
            await Tool.RunAsync("sh", "-c", $"cat '{place.Source}' '{place.Image}' >'{source}'");
            await using CephServer ceph = await CephServer.StartAsync(
                "build/ceph.sh", Path.Combine(place.Memory, "ceph"), "gib=8");
            await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.AllCores, $"""
                [daemon]
                plugin_dir = {Path.GetFullPath("out/lib/imageio.backends")}
                [backend_rbd]
                conf = {ceph.Conf}

                """);
            var run = new Run(place, board, daemon, ceph.Conf, source);
            await run.RbdAsync("create", "rbd/target", "--size", "1G");
            await run.RbdAsync("create", "rbd/others", "--size", "1G");
            await run.RbdAsync("import", source, "rbd/source");
            await DownloadAsync(run);
            await UploadAsync(run);
            await ExtentsAsync(run);
        }
        finally
        {
            File.Delete(source);
        }
    }

    private static async Task DownloadAsync(Run run)
    {
        string image = await run.ImageAsync("rbd:rbd/source", Size);
        string nowhere = $"driver=null-co,size={Size}";
        await using NbdServer server = await run.ExportAsync("source");
        await run.CompareAsync(
            "RBD: download of 1 GiB, 1 connection",
            () => run.CurlAsync("-o", "/dev/null", image),
            ("rbd export", "wall <= 1.0", () => SecondsAsync(() => run.OnAllCoresAsync(
                ["sh", "-c", $"rbd -c '{run.Conf}' --no-progress export rbd/source - >/dev/null"]))),
            ("qemu-nbd, nbdcopy", "wall <= 0.9", () => SecondsAsync(
                () => run.OnAllCoresAsync([.. NbdCopy, server.Uri, "null:"]))),
            ("qemu-img convert -m 8 -W", "wall <= 2.1", () => SecondsAsync(() => run.OnAllCoresAsync(
                [.. Convert, run.QemuName("source"), "--target-image-opts", nowhere]))));
    }

    private static async Task UploadAsync(Run run)
    {
        string image = await run.ImageAsync("rbd:rbd/target", Size);
        await run.CompareAsync(
            "RBD: upload of 1 GiB and flush, 1 connection",
            () => run.CurlAsync("-o", "/dev/null", "-T", run.Source, $"{image}?flush=y"),
            ("rbd import", "wall <= 1.1", ImportAsync),
            ("qemu-nbd, nbdcopy --flush", "wall <= 1.25", CopyAsync),
            ("qemu-img convert -m 8 -W", "wall <= 2.1", () => SecondsAsync(() => run.OnAllCoresAsync(
                [.. Convert, "-O", "raw", run.Source, run.QemuName("others")]))));

        async Task<double> ImportAsync()
        {
            double seconds = await SecondsAsync(() => run.RbdAsync("import", run.Source, "rbd/imported"));
            await run.RbdAsync("rm", "rbd/imported"); // it makes a new image each time
            return seconds;
        }

        // Only now: who has an image open for writing has its lock, too.
        async Task<double> CopyAsync()
        {
            await using NbdServer server = await run.ExportAsync("others");
            return await SecondsAsync(() => run.OnAllCoresAsync([.. NbdCopy, "--flush", run.Source, server.Uri]));
        }
    }

    private static async Task ExtentsAsync(Run run)
    {
        await run.RbdAsync("create", "rbd/sparse", "--size", "1T");
        string image = await run.ImageAsync("rbd:rbd/sparse", SparseSize);
        for (int i = 0; i < Pieces; i++)
        {
            long start = i * (SparseSize / Pieces);
            string range = $"Content-Range: bytes {start}-{start + Place.PartSize - 1}/*";
            await run.CurlAsync("-o", "/dev/null", "-T", run.Place.SourcePart, "-H", range, image);
            if (i == Pieces / 2)
            {
                await run.RbdAsync("snap", "create", "rbd/sparse@a");
            }
        }

        await run.RbdAsync("snap", "create", "rbd/sparse@b");
        double zero = await MedianAsync(() => run.CurlAsync("-o", "/dev/null", $"{image}/extents"));
        string dirty = await run.ImageAsync("rbd:rbd/sparse@b:from_snap=a", SparseSize, isDirty: true);
        double ours = await MedianAsync(() => run.CurlAsync("-o", "/dev/null", $"{dirty}/extents?context=dirty"));
        double theirs = await MedianAsync(() => run.RbdAsync("diff", "--from-snap", "a", "rbd/sparse@b"));
        run.Board.Add(new Row("RBD: zero extents of 1 TiB, 2 GiB of it data", "imageio")
        {
            Target = "<= 0.3 s",
            Note = $"{zero:F2} s",
        });
        run.Board.Add(new Row("RBD: dirty extents of the same", "imageio")
        {
            Target = "<= 1.3 x rbd diff",
            WallRatio = ours / theirs,
            Note = $"{ours:F2} s, rbd diff {theirs:F2} s",
        });
    }

    private static async Task<double> MedianAsync(Func<Task> work)
    {
        var seconds = new List<double>();
        for (int round = 0; round < Rounds; round++)
        {
            seconds.Add(await SecondsAsync(work));
        }

        return Scoreboard.Median(seconds);
    }

    private static async Task<double> SecondsAsync(Func<Task> work)
    {
        long started = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>What the works have in common.</summary>
    private sealed record Run(Place Place, Scoreboard Board, DaemonServer Daemon, string Conf, string Source)
    {
        public string QemuName(string image) => $"rbd:rbd/{image}:conf={Conf}";

        public Task RbdAsync(params string[] arguments) => OnAllCoresAsync(["rbd", "-c", Conf, .. arguments]);

        public Task CurlAsync(params string[] arguments) =>
            OnAllCoresAsync(["curl", "-sSf", "--unix-socket", Daemon.LocalSocket, .. arguments]);

        // This program and what it starts have one core otherwise.
        public Task OnAllCoresAsync(string[] command) => Tool.RunAsync("taskset", ["-c", Place.AllCores, .. command]);

        public async Task<string> ImageAsync(string url, long size, bool isDirty = false) =>
            $"http://localhost/images/{await Daemon.TicketForUrlAsync(url, size, isDirty)}";

        public Task<NbdServer> ExportAsync(string image) => NbdServer.QemuAsync(Place, Place.AllCores, QemuName(image));

        public async Task CompareAsync(
            string work, Func<Task> ours, params (string Name, string Target, Func<Task<double>> SecondsAsync)[] peers)
        {
            foreach ((string name, string target, Func<Task<double>> peer) in peers)
            {
                await Board.CompareAsync(new Comparison
                {
                    Work = name == peers[0].Name ? work : $"{work}, beside {name}",
                    Bytes = Size,
                    Target = target,
                    Ours = new("imageio", () => Daemon.Process.MeasureAsync(ours)),
                    Peer = new(name, async () => new Sample(await peer(), Cpu: 0)),
                });
            }
        }
    }
}
