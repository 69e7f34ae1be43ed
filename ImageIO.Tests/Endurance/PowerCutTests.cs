using System.Net;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
using Mono.Unix.Native;
using Xunit.Abstractions;

namespace ImageIO.Tests.Endurance;

/// <summary>
/// A power cut before each storage call of uploads, on storage that keeps only what was flushed (issue 21, 7).
/// </summary>
[Collection(RunningDaemon.Collection)]
[Trait("Needs", "Root")]
public sealed class PowerCutTests(RunningDaemon daemon, ITestOutputHelper output)
{
    private const int Timeout = int.MaxValue; // Rounds limits each round.
    private const int Clients = 3;
    private const int Area = 20_000; // not whole blocks: clients share the blocks at the edges
    private const int Size = Clients * Area;
    private const int Steps = 20;

    private static readonly FuseOperation[] Changes =
        [FuseOperation.Write, FuseOperation.Fsync, FuseOperation.Allocate, FuseOperation.Truncate];

    private int _cuts;

    [SkippableFact(Timeout = Timeout)]
    public async Task No_byte_that_a_flush_promised_is_missing_wherever_the_power_is_cut()
    {
        await Rounds.RunAsync(10, output, RunAsync);
        output.WriteLine($"{_cuts} power cuts");
        Assert.InRange(_cuts, 100, int.MaxValue);
    }

    // Nothing after a cut counts, so one run shows all cuts: the medium as it was at each of them.
    private async Task RunAsync(Random random)
    {
        // As it ends, it fails for a cut that showed a missing byte.
        using FuseStorage storage = FuseStorage.Mount();
        storage.IsVolatile = true;
        string id = Guid.NewGuid().ToString();
        FuseFile file = storage.AddFile("image", new byte[Size]);
        var bytes = new DurableBytes(Size);
        foreach (FuseOperation change in Changes)
        {
            storage.When(change).Run(call => Cut(file, bytes, $"before {call}"));
        }

        if (random.Next(2) == 0)
        {
            storage.When(FuseOperation.Fsync)
                .Nth(random.Next(1, 10))
                .Run(call => Cut(file, bytes, $"before the failing {call}"))
                .Fail(Errno.EIO);
        }

        await daemon.InstallAsync(TicketBody.For(id, file.Path, Size));
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(i => WorkAsync(
            id, bytes, (i * Area, Area), new Random(random.Next()))));
        Cut(file, bytes, "at the end");

        (await daemon.Control.DeleteAsync($"/tickets/{id}")).Dispose();
        await Eventually.HoldsAsync(() => daemon.OpenFilesOf(file.Path) == 0, "the image is closed");
        Cut(file, bytes, "after the image was closed");
    }

    private async Task WorkAsync(string id, DurableBytes bytes, (int Offset, int Length) area, Random random)
    {
        using HttpClient http = DaemonClients.OverUnixSocket(daemon.Files.LocalSocket);
        var client = new RandomClient(http, $"/images/{id}", bytes, area, random);
        for (int i = 0; i < Steps; i++)
        {
            Assert.True(await client.StepAsync() is HttpStatusCode.OK or HttpStatusCode.InternalServerError);
        }
    }

    private void Cut(FuseFile file, DurableBytes bytes, string when)
    {
        Interlocked.Increment(ref _cuts);
        bytes.Check(file.OnMedium, when);
    }
}
