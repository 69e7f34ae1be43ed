using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Daemon;

/// <summary>Real disks through the daemon.</summary>
public sealed class StorageTransferTests(DaemonFixture daemon) : IClassFixture<DaemonFixture>
{
    private const int Timeout = 80_000;
    private const int MiB = 1024 * 1024;

    [SkippableTheory(Timeout = Timeout)]
    [InlineData(512)]
    [InlineData(4096)]
    [Trait("Needs", "Root")]
    public async Task Partitioned_disk_uploaded_to_a_device_mounts_and_its_file_system_is_clean(int sectorSize)
    {
        string? whyNot = SystemTool.WhyNot("losetup", "mount", "sfdisk", "mkfs.ext4", "e2fsck");
        Skip.If(whyNot is not null, whyNot);
        byte[] content = new byte[3 * MiB];
        new Random(1).NextBytes(content);
        await using LoopDevice source = await MakeDiskAsync(sectorSize, content);
        await using LoopDevice target = await LoopDevice.CreateAsync(64 * MiB, sectorSize);

        string id = await InstallAsync(target.Path, 64 * MiB, sparse: false);
        // Not from the device: its page cache knows nothing of what came through the device of the partition.
        await using (FileStream disk = File.OpenRead(source.BackingFile))
        {
            using HttpResponseMessage answer = await daemon.Remote.PutAsync(
                $"/images/{id}", new StreamContent(disk) { Headers = { ContentLength = 64 * MiB } });
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        await daemon.Control.DeleteAsync($"/tickets/{id}");
        await using LoopDevice partition = await LoopDevice.CreateOnAsync(target.BackingFile, sectorSize, offset: MiB);
        await SystemTool.RunAsync("e2fsck", "-fn", partition.Path);
        Assert.Equal(content, await WithMountedAsync(partition.Path, directory =>
            File.ReadAllBytesAsync(Path.Combine(directory, "content"))));
    }

    [SkippableFact(Timeout = Timeout)]
    [Trait("Needs", "Root")]
    public async Task Zeroing_a_device_of_a_sparse_ticket_reads_as_zeroes_and_gives_the_space_back()
    {
        Skip.If(LoopDevice.WhyNot is not null, LoopDevice.WhyNot);
        await using LoopDevice device = await LoopDevice.CreateAsync(8 * MiB);
        string id = await InstallAsync(device.Path, 8 * MiB, sparse: true);
        byte[] data = new byte[8 * MiB];
        Array.Fill(data, (byte)5);
        using (HttpResponseMessage put = await daemon.Remote.PutAsync($"/images/{id}", new ByteArrayContent(data)))
        {
            Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        }

        // Unaligned at both ends: the blocks there keep what is not zeroed.
        const int Start = MiB + 100;
        const int Length = (4 * MiB) + 77;
        long full = await SpaceAsync(device.BackingFile);
        using (HttpResponseMessage patch = await daemon.Remote.PatchAsync(
            $"/images/{id}",
            new StringContent($$"""{"op": "zero", "offset": {{Start}}, "size": {{Length}}, "flush": true}""")))
        {
            Assert.Equal(HttpStatusCode.OK, patch.StatusCode);
        }

        Array.Clear(data, Start, Length);
        Assert.True(Same(data, await daemon.Remote.GetByteArrayAsync($"/images/{id}")));
        Assert.InRange(await SpaceAsync(device.BackingFile), 0, full - (4 * MiB) + (64 * 1024));
    }

    [Fact(Timeout = Timeout)]
    public async Task Data_of_a_TiB_downloaded_by_its_extents_is_the_whole_image()
    {
        const long Size = 1L << 40;
        const int Pieces = 1000;
        const long Distance = Size / Pieces / 65536 * 65536;
        string path = daemon.Files.CreateImage([]);
        byte[] piece = new byte[65536];
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write))
        {
            RandomAccess.SetLength(file, Size);
            for (int i = 0; i < Pieces; i++)
            {
                RandomAccess.Write(file, Piece(piece, i), i * Distance);
            }
        }

        string id = await InstallAsync(path, Size, sparse: true);
        JsonArray extents = JsonNode.Parse(await daemon.Remote.GetStringAsync($"/images/{id}/extents"))!.AsArray();
        int found = 0;
        long end = 0;
        foreach (JsonNode? extent in extents)
        {
            Assert.Equal(end, extent!["start"]!.GetValue<long>());
            long length = extent["length"]!.GetValue<long>();
            if (!extent["zero"]!.GetValue<bool>())
            {
                Assert.Equal((found * Distance, piece.Length), (end, length));
                Assert.True(Same(Piece(piece, found), await GetRangeAsync(id, end, length)), $"piece {found}");
                found++;
            }

            end += length;
        }

        Assert.Equal((Pieces, Size), (found, end));
    }

    [Fact(Timeout = Timeout)]
    public async Task Eight_writers_of_unaligned_neighbouring_ranges_make_one_image()
    {
        const int Writers = 8;
        const int Rounds = 50;
        const int Size = 512 * 1024;
        for (int round = 0; round < Rounds; round++)
        {
            var random = new Random(round);
            byte[] expected = new byte[Size];
            random.NextBytes(expected);
            int[] bounds = [0, .. Enumerable.Range(1, Writers - 1).Select(_ => random.Next(1, Size)).Order(), Size];
            string path = daemon.Files.CreateImage([]);
            string id = await InstallAsync(path, Size, sparse: round % 2 == 0);

            await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => PutRangeAsync(
                id, bounds[writer], expected.AsMemory(bounds[writer]..bounds[writer + 1]))));

            Assert.True(
                Same(expected, await File.ReadAllBytesAsync(path)), $"round {round}: {string.Join(' ', bounds)}");
            await daemon.Control.DeleteAsync($"/tickets/{id}");
            File.Delete(path);
        }
    }

    // Not Assert.Equal, which takes its time with megabytes.
    private static bool Same(byte[] expected, byte[] actual) => expected.AsSpan().SequenceEqual(actual);

    private static byte[] Piece(byte[] bytes, int seed)
    {
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static async Task<long> SpaceAsync(string path) =>
        512 * long.Parse(
            await SystemTool.RunAsync("stat", "--format=%b", path), System.Globalization.CultureInfo.InvariantCulture);

    // A disk with a partition table, a file system in its only partition, which begins at 1 MiB, and a file in that.
    private static async Task<LoopDevice> MakeDiskAsync(int sectorSize, byte[] content)
    {
        LoopDevice disk = await LoopDevice.CreateAsync(64 * MiB, sectorSize);
        await SystemTool.FeedAsync(
            "start=1MiB, type=83\n", "sfdisk", "--quiet", "--wipe=never", "--no-reread", "--no-tell-kernel", disk.Path);
        await using LoopDevice partition = await LoopDevice.CreateOnAsync(disk.BackingFile, sectorSize, offset: MiB);
        await SystemTool.RunAsync("mkfs.ext4", "-q", partition.Path);
        await WithMountedAsync(partition.Path, async directory =>
        {
            await File.WriteAllBytesAsync(Path.Combine(directory, "content"), content);
            return true;
        });
        return disk;
    }

    private static async Task<T> WithMountedAsync<T>(string device, Func<string, Task<T>> use)
    {
        string directory = Directory.CreateTempSubdirectory("imageio-disk-").FullName;
        await SystemTool.RunAsync("mount", device, directory);
        try
        {
            return await use(directory);
        }
        finally
        {
            await SystemTool.RunAsync("umount", directory);
            Directory.Delete(directory);
        }
    }

    private async Task<string> InstallAsync(string path, long size, bool sparse)
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, path, size, "read", "write").With("sparse", sparse));
        return id;
    }

    private async Task PutRangeAsync(string id, long start, ReadOnlyMemory<byte> bytes)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/images/{id}?flush=n")
        {
            Content = new ReadOnlyMemoryContent(bytes),
        };
        request.Content.Headers.TryAddWithoutValidation(
            "Content-Range", $"bytes {start}-{Math.Max(start, start + bytes.Length - 1)}/*");
        using HttpResponseMessage answer = await daemon.Remote.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private async Task<byte[]> GetRangeAsync(string id, long start, long length)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/images/{id}")
        {
            Headers = { Range = new RangeHeaderValue(start, start + length - 1) },
        };
        using HttpResponseMessage answer = await daemon.Remote.SendAsync(request);
        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        return await answer.Content.ReadAsByteArrayAsync();
    }
}
