using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using ImageIO.Tests.Support;
using ImageIO.Transport.Tls;
using Xunit.Abstractions;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// Many connections that are opened, used and dropped at random moments leave nothing: counted, not guessed. The
/// variable IMAGEIO_TLS_CONNECTIONS says how many; <c>make churn</c> takes 10,000.
/// </summary>
[Collection(AloneCollection.Name)]
[Trait("Tls", "EachOpenSsl")]
public sealed class TlsChurnTests(ITestOutputHelper output)
{
    private const int AtOnce = 8;
    private const int ImageSize = 1 << 20;

    // Of every eight: what they do when they have moved their bytes.
    private static readonly string[] Endings = ["reset", "close", "close_notify", "keep"];

    private static int Connections => int.Parse(
        Environment.GetEnvironmentVariable("IMAGEIO_TLS_CONNECTIONS") ?? "600", CultureInfo.InvariantCulture);

    [Fact(Timeout = 3_600_000)]
    [Trait("Speed", "Slow")]
    public async Task Connections_dropped_at_random_moments_leave_no_descriptor_object_block_or_memory()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync();
        TestImage image = await daemon.AddImageAsync(Bytes.Random(ImageSize), "read", "write");
        var random = new Random(20261125);
        // A third warms up: pools fill, code is compiled.
        int warmUp = Connections / 3;
        await RunAsync(daemon, image, random, warmUp);
        await BecomesQuietAsync(daemon, image);
        (int descriptors, long memory) = (OpenFiles.CountAll(Environment.ProcessId), Memory());

        await RunAsync(daemon, image, random, Connections - warmUp);
        await BecomesQuietAsync(daemon, image);
        long after = Memory();

        output.WriteLine(
            $"{Connections} connections: descriptors {descriptors} to {OpenFiles.CountAll(Environment.ProcessId)}, "
            + $"memory {memory >> 20} to {after >> 20} MiB, SSL objects {SslHandle.Alive}, blocks "
            + $"{daemon.Blocks.Rented}");
        await Eventually.HoldsAsync(
            () => OpenFiles.CountAll(Environment.ProcessId) <= descriptors,
            $"{descriptors} descriptors are open as before");
        // A descriptor's or an object's worth for each connection would be far more: an SSL object has 20 KiB at least.
        long leaked = (Connections - warmUp) * 10L * 1024;
        Assert.True(after - memory < Math.Max(leaked, 32L << 20), $"Memory grew by {after - memory} bytes");
    }

    private static async Task BecomesQuietAsync(DaemonFixture daemon, TestImage image)
    {
        await Eventually.HoldsAsync(
            () => daemon.Connections.CountByService()
                .Where(pair => pair.Service == "remote").Sum(pair => pair.Count) == 0,
            "no connection is left");
        await daemon.BecomesQuietAsync(image);
        await Eventually.HoldsAsync(() => SslHandle.Alive == 0, "no SSL object is left");
        await Eventually.HoldsAsync(() => TlsOutput.Borrowed == 0, "no memory for sending is left");
        // The control connection of the test may hold one for each direction.
        await Eventually.HoldsAsync(() => daemon.Blocks.Rented <= 2, "no block is left");
    }

    private static async Task RunAsync(DaemonFixture daemon, TestImage image, Random random, int count)
    {
        (int Limit, int Kind)[] plans = [.. Enumerable.Range(0, count).Select(_ => (
            // Half of them within the handshake or just behind it, the others anywhere in the image.
            random.Next(2) == 0 ? random.Next(4000) : random.Next(ImageSize), random.Next(8)))];
        await Parallel.ForEachAsync(
            plans,
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            // Without a limit, a missed event would be hidden by the server's patience of a minute.
            async (plan, stop) => await UseAsync(daemon, image, plan).WaitAsync(TimeSpan.FromSeconds(30), stop));
    }

    private static async Task UseAsync(DaemonFixture daemon, TestImage image, (int Limit, int Kind) plan)
    {
        string ending = Endings[plan.Kind / 2];
        bool isUpload = plan.Kind % 2 == 0;
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, daemon.RemotePort);
        socket.LingerState = new LingerOption(ending == "reset", 0);
        var limited = new LimitedStream(socket.GetStream(), ending == "keep" ? int.MaxValue : plan.Limit);
        var tls = new SslStream(limited, leaveInnerStreamOpen: true);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                CertificateChainPolicy = daemon.Files.Certificate.Policy,
            });
            await tls.WriteAsync(Encoding.ASCII.GetBytes(
                $"{(isUpload ? "PUT" : "GET")} {image.Url}?close=y HTTP/1.1\r\nHost: "
                    + $"h\r\n{(isUpload ? $"Content-Length: {ImageSize}\r\n" : "")}\r\n"));
            if (isUpload)
            {
                await tls.WriteAsync(new byte[ending == "keep" ? ImageSize : Math.Min(plan.Limit, ImageSize)]);
            }

            if (ending == "close_notify")
            {
                await tls.ShutdownAsync();
            }

            await tls.CopyToAsync(Stream.Null);
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // The limit was reached, or the daemon saw a broken request.
        }
        finally
        {
            await tls.DisposeAsync();
        }
    }

    private static long Memory()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        return 1024 * long.Parse(
            File.ReadLines("/proc/self/status")
                .First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(
                ' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture);
    }
}
