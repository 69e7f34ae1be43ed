using System.Net;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Rbd;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>
/// A daemon process whose cluster stands still: requests end in time, others are served, and it can be stopped.
/// </summary>
[Collection(CephCluster.Collection)]
[Trait("Needs", "Root")]
[Trait("Cluster", "Ceph")]
[Trait("Speed", "Slow")]
public sealed class RbdDaemonTroubleTests(CephCluster ceph)
{
    private const int MiB = 1024 * 1024;
    private const int Uploads = 16;
    private const int Size = 4 * MiB;

    [SkippableFact(Timeout = 120_000)]
    public async Task Sixteen_uploads_to_storage_that_stands_still_fail_in_time_and_can_be_repeated()
    {
        CephCluster.Require();
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await StartAsync(files, 1, "[control]\nremove_timeout = 0.2\n");
        TestImage file = await daemon.AddImageAsync(Bytes.Random(MiB), "read");
        List<Upload> uploads = await UploadAsync(daemon);
        int threads = Threads(daemon);

        await ceph.DoAsync("pause", "osd.0");
        try
        {
            uploads.ForEach(upload => upload.GoOn());
            HttpStatusCode deleted = await DeleteAsync(daemon, uploads[0]);
            Assert.True(deleted is HttpStatusCode.Conflict or HttpStatusCode.NoContent, $"DELETE was {deleted}");
            Assert.Equal(HttpStatusCode.OK, (await daemon.Control.GetAsync("/health/live")).StatusCode);
            Assert.Equal(MiB, (await daemon.Remote.GetByteArrayAsync($"/images/{file.Id}")).Length);
            Assert.True(Threads(daemon) < threads + Uploads, "an upload holds a thread");
            foreach (Upload upload in uploads)
            {
                Assert.NotEqual(HttpStatusCode.OK, await upload.Answer);
            }
        }
        finally
        {
            await ceph.DoAsync("resume", "osd.0");
        }

        await Eventually.HoldsAsync(
            async () => await DeleteAsync(daemon, uploads[0]) == HttpStatusCode.NoContent, "the ticket can be removed");
        await Task.WhenAll(uploads.Skip(1).Select(async upload =>
        {
            Assert.Equal(HttpStatusCode.OK, await upload.AgainAsync());
            await upload.AssertIsThereAsync();
        }));
        Assert.True(Threads(daemon) < threads + Uploads, "threads are left");
    }

    [SkippableFact(Timeout = 120_000)]
    public async Task Sixteen_uploads_succeed_when_the_storage_comes_back_in_time()
    {
        CephCluster.Require();
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await StartAsync(files, 60, "");
        TestImage file = await daemon.AddImageAsync(Bytes.Random(MiB), "read");
        List<Upload> uploads = await UploadAsync(daemon);

        await ceph.DoAsync("pause", "osd.0");
        try
        {
            uploads.ForEach(upload => upload.GoOn());
            Assert.Equal(MiB, (await daemon.Remote.GetByteArrayAsync($"/images/{file.Id}")).Length);
            Assert.DoesNotContain(uploads, upload => upload.Answer.IsCompleted);
        }
        finally
        {
            await ceph.DoAsync("resume", "osd.0");
        }

        foreach (Upload upload in uploads)
        {
            Assert.Equal(HttpStatusCode.OK, await upload.Answer);
            await upload.AssertIsThereAsync();
        }
    }

    [SkippableFact(Timeout = 120_000)]
    public async Task Sigterm_ends_the_daemon_while_the_whole_cluster_stands_still()
    {
        CephCluster.Require();
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await StartAsync(files, 1, "[daemon]\ndrain_timeout = 1\n");
        List<Upload> uploads = await UploadAsync(daemon);
        string[] all = ["osd.0", "mon.a", "mgr.x"];
        try
        {
            foreach (string each in all)
            {
                await ceph.DoAsync("pause", each);
            }

            uploads.ForEach(upload => upload.GoOn());
            daemon.Signal(Signum.SIGTERM);
            (int status, _) = await daemon.ExitAsync();

            Assert.Equal(0, status);
        }
        finally
        {
            foreach (string each in all)
            {
                await ceph.DoAsync("resume", each);
            }
        }

        foreach (Upload upload in uploads)
        {
            Assert.NotEqual(HttpStatusCode.OK, await upload.Answer);
        }
    }

    private Task<DaemonProcess> StartAsync(DaemonFiles files, int seconds, string options)
    {
        files.AddOptions("80-ceph.conf", ceph.ProcessOptions(files, seconds));
        files.AddOptions("99-test.conf", options);
        return DaemonProcess.StartAsync(files);
    }

    // Each has sent the half of its image when this returns.
    private async Task<List<Upload>> UploadAsync(DaemonProcess daemon)
    {
        var uploads = new List<Upload>();
        for (int i = 0; i < Uploads; i++)
        {
            string id = Guid.NewGuid().ToString();
            var shape = new RbdShape { Features = i % 4 == 0 ? RbdAdmin.AllFeatures : 1 };
            await daemon.InstallAsync(TicketBody.For(id, "", Size)
                .With("url", CephCluster.Url(ceph.Images.CreateNew(Size, shape)).Text));
            uploads.Add(new Upload(daemon.Remote, id, Bytes.Random(Size, i)));
        }

        await Task.WhenAll(uploads.Select(upload => upload.IsHalfway));
        return uploads;
    }

    private static async Task<HttpStatusCode> DeleteAsync(DaemonProcess daemon, Upload upload)
    {
        using HttpResponseMessage response = await daemon.Control.DeleteAsync($"/tickets/{upload.Id}");
        return response.StatusCode;
    }

    private static int Threads(DaemonProcess daemon) => Directory.GetDirectories($"/proc/{daemon.Id}/task").Length;

    /// <summary>A PUT that stops in the middle until it is told to go on.</summary>
    private sealed class Upload
    {
        private readonly HttpClient _client;
        private readonly byte[] _content;
        private readonly TaskCompletionSource _isHalfway = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _goesOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Upload(HttpClient client, string id, byte[] content)
        {
            _client = client;
            Id = id;
            _content = content;
            Answer = SendAsync(new HalvedContent(this));
        }

        public string Id { get; }

        public Task IsHalfway => _isHalfway.Task;

        /// <summary>The status; none where the daemon closed the connection instead.</summary>
        public Task<HttpStatusCode?> Answer { get; }

        public void GoOn() => _goesOn.TrySetResult();

        public Task<HttpStatusCode?> AgainAsync() => SendAsync(new ByteArrayContent(_content));

        public async Task AssertIsThereAsync()
        {
            byte[] image = await _client.GetByteArrayAsync($"/images/{Id}");
            Bytes.AssertEqual(_content, image, "the image");
        }

        private async Task<HttpStatusCode?> SendAsync(HttpContent content)
        {
            try
            {
                using HttpResponseMessage response = await _client.PutAsync($"/images/{Id}?flush=y", content);
                return response.StatusCode;
            }
            catch (HttpRequestException)
            {
                return null;
            }
        }

        private sealed class HalvedContent(Upload upload) : HttpContent
        {
            protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
            {
                await stream.WriteAsync(upload._content.AsMemory(0, Size / 2));
                await stream.FlushAsync();
                upload._isHalfway.TrySetResult();
                await upload._goesOn.Task;
                await stream.WriteAsync(upload._content.AsMemory(Size / 2));
            }

            protected override bool TryComputeLength(out long length)
            {
                length = Size;
                return true;
            }
        }
    }
}
