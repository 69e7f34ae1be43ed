using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Storage;
using Microsoft.Win32.SafeHandles;
using Xunit.Abstractions;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// The cost of a file in very many pieces, in a daemon process of its own because its memory is measured.
/// </summary>
public sealed class ManyExtentsTests(ITestOutputHelper output)
{
    private const int Timeout = 300_000;

    [SkippableFact(Timeout = Timeout)]
    [Trait("Needs", "Root")]
    [Trait("Speed", "Slow")]
    public async Task A_million_extents_stream_with_flat_memory()
    {
        // Blocks of 1 KiB, every second one a hole: half a GiB of data instead of two.
        const int Blocks = 1_000_000;
        const int Block = 1024;
        var fileSystem = new Ext4WithSmallBlocks();
        await fileSystem.InitializeAsync();
        try
        {
            string many = MakePieces(fileSystem.CreateFile((long)Blocks * Block), Blocks, Block);
            string few = MakePieces(fileSystem.CreateFile(20_000L * Block), 20_000, Block);
            using var files = new DaemonFiles();
            await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);

            // The code is compiled and the heap has its usual size after some.
            Assert.Equal(20_000, await CountExtentsAsync(daemon, few, 20_000L * Block));
            long before = daemon.PeakMemory;
            long start = TimeProvider.System.GetTimestamp();
            Assert.Equal(Blocks, await CountExtentsAsync(daemon, many, (long)Blocks * Block));
            long growth = daemon.PeakMemory - before;
            output.WriteLine($"{Blocks} extents in {TimeProvider.System.GetElapsedTime(start)}; "
                + $"the peak of {before / 1024} KiB grew by {growth / 1024} KiB");

            // Gathered, they would take 24 MiB as a list and 60 MiB as text. Measured: 20 MiB, the collector having not
            // yet found it worth its while to run.
            Assert.InRange(growth, 0, 48 * 1024 * 1024);
        }
        finally
        {
            // Bytes that were not written back yet need not be any more.
            Array.ForEach(Directory.GetFiles(fileSystem.Directory, "*.img"), File.Delete);
            await fileSystem.DisposeAsync();
        }
    }

    private static string MakePieces(string path, int blocks, int block)
    {
        byte[] data = new byte[block];
        Array.Fill(data, (byte)1);
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        for (int i = 0; i < blocks; i += 2)
        {
            RandomAccess.Write(file, data, (long)i * block);
        }

        return path;
    }

    private static async Task<int> CountExtentsAsync(DaemonProcess daemon, string path, long size)
    {
        string id = Guid.NewGuid().ToString();
        using HttpResponseMessage installed = await daemon.Control.PutAsync(
            $"/tickets/{id}", new StringContent(TicketBody.For(id, path, size, "read").ToJsonString()));
        installed.EnsureSuccessStatusCode();
        await using Stream answer = await daemon.Remote.GetStreamAsync($"/images/{id}/extents");

        // Each extent is an object without others in it. Parsing a million of them costs more than serving them; the
        // extents' own tests parse.
        int count = 0;
        byte[] part = new byte[64 * 1024];
        for (int received; (received = await answer.ReadAsync(part)) > 0;)
        {
            count += part.AsSpan(0, received).Count((byte)'{');
        }

        return count;
    }

    private sealed class Ext4WithSmallBlocks() : MountedFileSystem("ext4", sizeMiB: 1536, blockSize: 1024);
}
