using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Operations;

public sealed class FlushOperationTests
{
    [SkippableTheory(Timeout = 30_000)]
    [InlineData(StorageKind.Memory)]
    [InlineData(StorageKind.File)]
    public async Task A_flush_moves_no_bytes_and_changes_nothing(StorageKind kind)
    {
        byte[] content = Bytes.Random(1001);
        await using StorageImage storage = await StorageImage.CreateAsync(kind, 512, content);
        var operation = new FlushOperation(storage.Image);

        operation.Cancel();
        await operation.RunAsync(CancellationToken.None);

        Assert.Equal(0, operation.Done);
        Bytes.AssertEqual(content, storage.Content, "content");
    }

    [Fact(Timeout = 30_000)]
    public async Task Each_write_that_asks_for_it_is_flushed_once()
    {
        var memory = new MemoryBackend(512);
        var faulty = new FaultyBackend(memory);
        await using StorageImage storage = StorageImage.On(faulty, memory.Content);

        await storage.WriteAsync(0, Bytes.Random(50_000), flush: false);
        Assert.Equal(0, faulty.Count(BackendCall.Flush));

        await storage.WriteAsync(0, Bytes.Random(50_000), flush: true);
        Assert.Equal(1, faulty.Count(BackendCall.Flush));
    }

    [Fact]
    public async Task An_image_that_cannot_be_written_refuses()
    {
        await using StorageImage storage = StorageImage.On(new MemoryBackend(512) { Capabilities = new() });

        TransferException e = Assert.Throws<TransferException>(() => new FlushOperation(storage.Image));

        Assert.Equal(TransferError.NotSupported, e.Error);
    }
}
