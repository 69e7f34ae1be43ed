using System.Globalization;
using ImageIO.Backends.Rbd;
using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Bench.Servers;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support.Rbd;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>A cluster of three OSDs on a disk, of which one is lost, or all for a while.</summary>
[Trait("Needs", "Root")]
[Trait("Cluster", "Ceph")]
[Trait("Speed", "Slow")]
[Collection(CephCluster.Collection)]
public sealed class RbdLostOsdTests : IAsyncLifetime
{
    private const int MiB = 1024 * 1024;
    private const int Writers = 8;

    private CephServer _server = null!;

    public async Task InitializeAsync()
    {
        if (CephCluster.WhyNot is null)
        {
            string directory = string.Create(CultureInfo.InvariantCulture, $"imageio-osds-{Environment.ProcessId}");
            _server = await CephServer.StartAsync(
                CephCluster.Script, Path.Combine(Path.GetTempPath(), directory), "osds=3", "store=bluestore", "gib=1");
        }
    }

    public async Task DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    [SkippableFact(Timeout = 180_000)]
    public async Task One_lost_osd_of_three_fails_nothing_and_all_of_them_killed_lose_no_write()
    {
        CephCluster.Require();
        using (var admin = ClusterHandle.Create("admin"))
        {
            RbdException.ThrowIfError("rados_conf_read_file", LibRados.ReadConfFile(admin, _server.Conf));
            RbdException.ThrowIfError("rados_connect", LibRados.Connect(admin));
            using var images = new RbdAdmin(admin, "rbd");
            for (int i = 0; i < Writers; i++)
            {
                images.Create(Name(i), 16 * MiB, new RbdShape());
            }
        }

        await using RbdBackendFactory factory = NewFactory(seconds: 60);
        IBackend[] open = await Task.WhenAll(
            Enumerable.Range(0, Writers).Select(i => factory.OpenAsync(Name(i), write: true)));
        await WriteAllAsync(open, 0);
        Task writes = WriteAllAsync(open, 4 * MiB);
        await _server.DoAsync("kill", "osd.1");
        await writes;
        await WriteAllAsync(open, 8 * MiB);

        await _server.DoAsync("kill", "osd.0");
        await _server.DoAsync("kill", "osd.2");
        await using (RbdBackendFactory hasty = NewFactory(seconds: 2))
        {
            TransferException e = await RbdTestImage.FailsAsync(() => hasty.OpenAsync(Name(0)));
            Assert.Equal(TransferError.StorageFailed, e.Error);
        }

        foreach (string each in new[] { "osd.0", "osd.1", "osd.2" })
        {
            await _server.DoAsync("start", each);
        }

        for (int i = 0; i < Writers; i++)
        {
            foreach (int part in new[] { 0, 4 * MiB, 8 * MiB })
            {
                Assert.Equal(Content(i, part), await open[i].ReadAsync(part, 4 * MiB));
            }

            await open[i].DisposeAsync();
        }
    }

    private RbdBackendFactory NewFactory(int seconds) => new(
        new RbdSettings
        {
            ConfFiles = [_server.Conf],
            ConnectTimeout = TimeSpan.FromSeconds(10),
            OperationTimeout = TimeSpan.FromSeconds(seconds),
        },
        NullLogger<RbdBackendFactory>.Instance);

    private static Task WriteAllAsync(IBackend[] images, int offset) => Task.WhenAll(images.Select(async (image, i) =>
    {
        byte[] content = Content(i, offset);
        for (int done = 0; done < content.Length; done += MiB)
        {
            await image.WriteAsync(content[done..(done + MiB)], offset + done);
        }
    }));

    private static byte[] Content(int image, int offset) => RbdTestImage.Random(4 * MiB, image + offset);

    private static string Name(int i) => string.Create(CultureInfo.InvariantCulture, $"image{i}");
}
